"""`nachash serve` as a process: what it says, how it ends, what it refuses."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_and_is_ended_by_a_signal(program, picture, ending):
    process, address = program("--watch")

    with urllib.request.urlopen(f"{address}search?k=2", data=picture, timeout=30) as response:
        answer = json.load(response)
    process.send_signal(ending)
    _, told = process.communicate(timeout=30)

    assert len(answer["hits"]) == 2
    assert process.returncode == 0
    assert told == "ended\n"


def test_foreign_names_are_refused_on_loopback(program):
    _, address = program()
    request = urllib.request.Request(address, headers={"Host": "evil.example"})

    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)

    with caught.value as refused:
        assert refused.code == 421
        assert json.load(refused)["error"]


def test_a_port_in_use_is_one_sentence(nachash, indexed_digits):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finished = nachash("serve", "out.h5", "--port", port, cwd=indexed_digits)

    assert finished.code == 2
    assert "cannot be listened on" in finished.err
    assert "Traceback" not in finished.err


def test_an_index_that_is_none_is_one_sentence(nachash, indexed_digits):
    damaged = nachash("serve", "query.jpg", cwd=indexed_digits)
    missing = nachash("serve", "nowhere.h5", cwd=indexed_digits)

    assert (damaged.code, missing.code) == (4, 2)
    assert "Traceback" not in damaged.err + missing.err


def test_without_the_extra_it_says_what_to_install(indexed_digits, nachash_process, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['uvicorn'] = None\n")
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    finished = nachash_process("serve", "out.h5", cwd=indexed_digits, PYTHONPATH=path)

    assert finished.code == 2
    assert "nachash[serve]" in finished.err


def test_a_server_that_has_answered_has_not_loaded_torch(indexed_digits):
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from starlette.testclient import TestClient\n"
        "from nachash.server.application import application\n"
        "from nachash.tasks.serve.service import Service, ServeSettings\n"
        "settings = ServeSettings(index=Path('out.h5'))\n"
        "with Service(settings, choice=print) as service:\n"
        "    client = TestClient(application(service, None))\n"
        "    answer = client.post('/search', content=Path('query.jpg').read_bytes())\n"
        "print(answer.status_code, [n for n in ('torch', 'timm') if n in sys.modules])"
    )

    finished = subprocess.run(
        [sys.executable, "-c", script], cwd=indexed_digits, capture_output=True, text=True
    )

    assert finished.stdout == "200 []\n", finished.stderr
