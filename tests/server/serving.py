"""A service and a client in this process."""

import contextlib
from pathlib import Path

from starlette.testclient import TestClient

from nachash.server.access import Access
from nachash.server.application import application
from nachash.tasks.serve.service import ServeSettings, Service

OWN = "http://127.0.0.1:8000"


@contextlib.contextmanager
def served(index, *, limits=None, **settings):
    """A service, and a client that asks it as a browser on this machine does."""
    chosen = ServeSettings(index=Path(index), **settings)
    with Service(chosen) as service:
        guarded = application(service, Access.of("127.0.0.1"), limits=limits)
        yield service, TestClient(guarded, base_url=OWN, raise_server_exceptions=False)
