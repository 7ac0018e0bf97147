"""Who may ask: requests under a foreign name or from a foreign page are refused."""

import pytest

from nachash.server.guard import host_of, own_hosts


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "LOCALHOST", "[::1]:80"]
)
def test_the_own_names_are_answered(client, host):
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", ""],
)
@pytest.mark.parametrize("path", ["/", "/health", "/thumb/0", "/openapi.json"])
def test_foreign_names_are_refused(client, host, path):
    response = client.get(path, headers={"Host": host})

    assert response.status_code == 421
    assert response.json()["error"]


def test_a_page_of_another_site_may_not_ask(client, picture):
    def ask(origin):
        return client.post("/search", content=picture, headers={"Origin": origin}).status_code

    assert ask("http://127.0.0.1:8000") == 200
    assert ask("http://127.0.0.1:9000") == 403
    assert ask("https://evil.example") == 403
    assert ask("null") == 403


def test_only_loopback_knows_its_names():
    assert own_hosts("127.0.0.1") == own_hosts("::1") == {"127.0.0.1", "localhost", "::1"}
    assert own_hosts("0.0.0.0") is None
    assert own_hosts("192.168.0.7") is None
    assert host_of("[::1]") == host_of("[::1]:7") == "::1"
