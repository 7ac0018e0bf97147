"""Requests that `nachash serve` answers each second to 32 clients at once, codes as queries.

Three ways over one index of random codes: the server as it is (what waits is one call of FAISS),
the server with a batch of one, and the library itself, which is handed all codes at once. Each
request carries one code and asks for ids and distances of the 10 nearest. Clients are connections
that stay open, each with one request on its way; one other process drives them all from one loop,
with requests written beforehand, since it shares the machine's cores with the server. A last row
asks with 32 codes a request.
"""

import contextlib
import json
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from _harness import Report, main
from search_cold import BITS, write_index

from nachash import plugins
from nachash.index.reader import open_index
from nachash.tasks.train.train import TrainSettings, train

CLIENTS = 32
K = 10
MANY = 32  # codes in a request of the last row
SERVER = """
import logging, sys
from pathlib import Path
from nachash.server.running import Place, run
from nachash.tasks.serve.service import Service, ServeSettings
logging.basicConfig(format="%(message)s", stream=sys.stdout)
logging.getLogger("nachash").setLevel("INFO")
settings = ServeSettings(index=Path(sys.argv[1]), most_at_once=int(sys.argv[2]))
with Service(settings) as service:
    run(service, Place(port=0))
"""


def measure(quick: bool) -> Report:
    """Medians of rounds that are taken in turn."""
    rows, requests, rounds = (200_000, 320, 3) if quick else (1_000_000, 1_280, 5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train(TrainSettings(epochs=1, bits=BITS, out=folder / "model"))
        write_index(folder / "x.h5", rows, folder / "model")
        codes = np.random.default_rng(1).integers(0, 256, (requests, BITS // 8), np.uint8)
        many = np.resize(codes, (2 * MANY * CLIENTS, codes.shape[1]))
        with served(folder / "x.h5", 256) as batched, served(folder / "x.h5", 1) as single:
            ways: dict[str, Callable[[], float]] = {
                "batched": lambda: asked(batched, codes, 1),
                "one at a time": lambda: asked(single, codes, 1),
                f"{MANY} codes a request": lambda: asked(batched, many, MANY),
                "library": lambda: child("--library", str(folder / "x.h5"), codes.tolist()),
            }
            for way in ways.values():
                way()
            found = [{name: way() for name, way in ways.items()} for _ in range(rounds)]
    speed = {name: statistics.median(each[name] for each in found) for name in ways}
    label = f"{rows:,} codes"
    ratios = {
        f"batched / one at a time, {label}": speed["batched"] / speed["one at a time"],
        f"batched / library, {label}": speed["batched"] / speed["library"],
        f"{MANY} codes a request / library, {label}": speed[f"{MANY} codes a request"]
        / speed["library"],
    }
    figures = {f"codes per second, {name}, {label}": value for name, value in speed.items()}
    return Report("serve", ratios, figures)


@contextlib.contextmanager
def served(index: Path, most_at_once: int) -> Iterator[int]:
    """The port of a server of its own process."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(index), str(most_at_once)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline().partition("127.0.0.1:")[2].partition("/")[0])
    finally:
        process.terminate()
        process.wait()


def asked(port: int, codes: np.ndarray, at_once: int) -> float:
    """Codes per second, sent by CLIENTS connections of another process, each its share."""
    shares = np.array_split(codes, CLIENTS)
    bodies = [
        [
            json.dumps({"codes": [code.tobytes().hex() for code in part], "k": K, "brief": True})
            for part in np.array_split(share, max(1, len(share) // at_once))
        ]
        for share in shares
    ]
    return len(codes) / child("--clients", str(port), bodies)


def child(part: str, argument: str, given: object) -> float:
    """What a part of this file prints in a process of its own, without our threads and torch."""
    finished = subprocess.run(
        [sys.executable, __file__, part, argument],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(finished.stdout)


def library(index: str) -> None:
    """Search for the codes on stdin all at once, and print how many there are each second."""
    codes = np.array(json.load(sys.stdin), np.uint8)
    with open_index(Path(index)) as opened:
        engine = plugins.load("engines", "faiss-flat").build(
            opened.codes(), ids=opened.ids(), bits=BITS
        )
    engine.search(codes, K)
    print(len(codes) / seconds(lambda: engine.search(codes, K)))


def clients(port: int) -> None:
    """Send what stdin says, and print how many seconds it took."""
    requests = [[_request(text) for text in texts] for texts in json.load(sys.stdin)]
    with selectors.DefaultSelector() as selector:
        for each in requests:
            connection = socket.create_connection(("127.0.0.1", port), timeout=60)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, (connection, iter(each)))
        print(seconds(lambda: _exchange(selector)))


def _request(body: str) -> bytes:
    head = (
        "POST /search/codes HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join([*head, "", body]).encode()


def _exchange(selector: selectors.BaseSelector) -> None:
    """On each connection the next request as soon as the one before is answered."""

    def send(connection: socket.socket, requests: Iterator[bytes]) -> None:
        request = next(requests, None)
        if request is None:
            selector.unregister(connection)
            connection.close()
        else:
            connection.sendall(request)

    for key in tuple(selector.get_map().values()):
        send(*key.data)
    while selector.get_map():
        for key, _ in selector.select():
            _receive(key.data[0])
            send(*key.data)


def _receive(connection: socket.socket) -> None:
    """Read one answer to its end."""
    head, body = b"", b""
    while not head:
        body += _more(connection)
        head, _, rest = body.rpartition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"{body[:300]!r}")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    missing = length - len(rest)
    while missing:
        missing -= len(_more(connection))


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(1 << 16)
    if not received:
        raise SystemExit("the server closed a connection")
    return received


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    match sys.argv[1:]:
        case "--clients", port:
            clients(int(port))
        case "--library", path:
            library(path)
        case _:
            main(measure)
