"""A served index: the application in this process, or the program in a child."""

import os
import re
import shutil
import signal
import subprocess

import pytest
from program import started
from serving import served

from nachash.tasks.encode.encode import EncodeSettings, encode


@pytest.fixture(scope="session")
def service_and_client(indexed_digits):
    with served(indexed_digits / "out.h5") as both:
        yield both


@pytest.fixture
def service(service_and_client):
    return service_and_client[0]


@pytest.fixture
def client(service_and_client):
    return service_and_client[1]


@pytest.fixture(scope="session")
def picture(indexed_digits):
    """The bytes of a picture that the index does not hold."""
    return (indexed_digits / "query.jpg").read_bytes()


@pytest.fixture
def own_index(indexed_digits, tmp_path, monkeypatch):
    """An index of forty digits that a test may change: its path, its images, how to encode."""
    monkeypatch.setenv("NACHASH_STATE", str(tmp_path / "state"))
    for number in "01":
        shutil.copytree(indexed_digits / "images" / number, tmp_path / "images" / number)

    def encode_again():
        encode(
            EncodeSettings(
                images=str(tmp_path / "images"),
                out=tmp_path / "own.h5",
                model=indexed_digits / "runs" / "model",
                workers=0,
            )
        )

    encode_again()
    return tmp_path / "own.h5", tmp_path / "images", encode_again


@pytest.fixture
def program(indexed_digits, tmp_path, ctrl_c):
    """Start `nachash serve` on a free port; its process and its address."""
    running = []

    def start(*options):
        process = started(
            ["serve", "out.h5", "--port", "0", *options],
            indexed_digits,
            env={**os.environ, "NACHASH_STATE": str(tmp_path / "state")},
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        line = process.stderr.readline()
        address = re.search(r"http://\S+", line)
        assert address, line + process.stderr.read()
        return process, address[0]

    yield start
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
