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


def status(address, **headers):
    """The status of the answer, and the address that was shown at last."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    try:
        with opener.open(urllib.request.Request(address, headers=headers), timeout=30) as response:
            return response.status, response.url
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.url


def test_beyond_loopback_a_token_is_wanted_and_printed_once(program):
    process, address = program("--host", "0.0.0.0", "--allowed-host", "photos.example")
    page, _, token = address.partition("?token=")

    assert len(token) >= 32
    assert status(page)[0] == status(f"{page}health")[0] == 401
    assert status(address) == (200, page)
    bearer = f"Bearer {token}"
    assert status(f"{page}health", Authorization=bearer)[0] == 200
    assert status(f"{page}health", Authorization=bearer, Host="photos.example")[0] == 200
    assert status(f"{page}health", Authorization=bearer, Host="evil.example")[0] == 421
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=30)
    assert token not in told
    assert told.endswith("ended\n")


def test_a_token_can_be_chosen_and_switched_off(program, tmp_path):
    file = tmp_path / "token"
    file.write_text("correct-horse-battery\n")

    _, chosen = program("--token-file", file)
    assert chosen.endswith("/?token=correct-horse-battery")
    _, none = program("--host", "0.0.0.0", "--no-token")
    assert status(f"{none}health")[0] == 200


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        (["--token-file", "nowhere"], {}, "nowhere cannot be read: no such file"),
        (["--token-file", "query.jpg"], {}, "query.jpg cannot be read: it is no text"),
        ([], {"NACHASH_TOKEN": "short"}, "the token in $NACHASH_TOKEN is not one of at least 16"),
    ],
)
def test_a_token_that_is_none_is_one_sentence(nachash, indexed_digits, options, environment, said):
    finished = nachash("serve", "out.h5", "--port", 0, *options, cwd=indexed_digits, **environment)

    assert finished.code == 2
    assert said in finished.err
    assert "Traceback" not in finished.err


def test_the_end_does_not_wait_for_work_that_goes_on(indexed_digits):
    script = (
        "import logging, sys, threading\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from pathlib import Path\n"
        "from nachash.server import running\n"
        "from nachash.tasks.serve.service import Service, ServeSettings\n"
        "logging.basicConfig(format='%(message)s', stream=sys.stdout)\n"
        "logging.getLogger('nachash').setLevel('INFO')\n"
        "running._LAST_ANSWERS, running._LAST_WORK = 0.2, 0.5\n"
        "with Service(ServeSettings(index=Path('out.h5'))) as service:\n"
        "    ThreadPoolExecutor(1).submit(threading.Event().wait)  # the interpreter waits for it\n"
        "    place = running.Place(port=0)\n"
        "    running.run(service, place, leave=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=indexed_digits, stdout=subprocess.PIPE, text=True
    )
    try:
        assert "http://" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()

    assert told == "ended\n"
    assert process.returncode == 0


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
        "from nachash.server.access import Access\n"
        "from nachash.server.application import application\n"
        "from nachash.tasks.serve.service import Service, ServeSettings\n"
        "settings = ServeSettings(index=Path('out.h5'))\n"
        "with Service(settings) as service:\n"
        "    client = TestClient(application(service, Access.of('testserver')))\n"
        "    answer = client.post('/search', content=Path('query.jpg').read_bytes())\n"
        "print(answer.status_code, [n for n in ('torch', 'timm') if n in sys.modules])"
    )

    finished = subprocess.run(
        [sys.executable, "-c", script], cwd=indexed_digits, capture_output=True, text=True
    )

    assert finished.stdout == "200 []\n", finished.stderr
