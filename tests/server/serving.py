"""A service and a client in this process."""

import contextlib
from pathlib import Path

from starlette.testclient import TestClient

from nachash.server.application import application
from nachash.server.guard import own_hosts
from nachash.tasks.serve.service import ServeSettings, Service

OWN = "http://127.0.0.1:8000"


@contextlib.contextmanager
def served(index, **settings):
    """A service, and a client that asks it as a browser on this machine does."""
    chosen = ServeSettings(index=Path(index), **settings)
    with Service(chosen, choice=lambda _: None) as service:
        guarded = application(service, own_hosts("127.0.0.1"))
        yield service, TestClient(guarded, base_url=OWN, raise_server_exceptions=False)
