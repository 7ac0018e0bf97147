"""The server fuzzed from its own description: no crash, no answer that is not described."""

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from nachash.server.access import Access
from nachash.server.application import application
from nachash.tasks.serve.service import ServeSettings, Service

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


HEALTH = ("GET", "/health")
OPERATIONS = [
    ("POST", "/search"),
    ("POST", "/search/codes"),
    ("GET", "/neighbours/{id}"),
    ("GET", "/thumb/{id}"),
    ("GET", "/sample"),
    HEALTH,
]


@pytest.fixture(scope="module")
def described(indexed_digits):
    chosen = ServeSettings(index=indexed_digits / "out.h5")
    with Service(chosen) as service:
        yield schemathesis.openapi.from_asgi(
            "/openapi.json", application(service, Access.of("localhost", ["testserver"]))
        )


# schemathesis draws with the random module where it mutates; hypothesis warns at such times, and a
# warning is an error here.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "address", "mode"),
    [
        (*operation, mode)
        for operation in OPERATIONS
        for mode in schemathesis.GenerationMode
        if (operation, mode) != (HEALTH, schemathesis.GenerationMode.NEGATIVE)  # asks for nothing
    ],
)
def test_no_request_leads_to_what_is_not_described(described, method, address, mode):
    @given(described[address][method].as_strategy(generation_mode=mode))
    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    def ask(case):
        case.call_and_validate(checks=CHECKS)

    ask()


def test_every_refusal_is_described(described):
    paths = json.loads(json.dumps(described.raw_schema))["paths"]

    assert set(paths) == {address for _, address in OPERATIONS}
    for operations in paths.values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                assert response["description"]
                if status.startswith("4"):
                    shape = response["content"]["application/json"]["schema"]
                    assert shape == {"$ref": "#/components/schemas/Refusal"}
