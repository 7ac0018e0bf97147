"""Slow, silent, aborted, huge and many: a real server with tiny limits, asked through sockets."""

import asyncio
import contextlib
import json
import socket
import threading
import time

import pytest
import uvicorn

from nachash.server.access import Access
from nachash.server.application import application
from nachash.server.connections import Connections, Limits, network_of
from nachash.server.running import Place, _config

QUICK = {"look_every": 0.02, "head_seconds": 0.3, "patience": 0.3, "idle": 1}
LONG = 30.0  # seconds that nothing here takes


@pytest.fixture
def serving(service, said):
    """Start a server in a thread; gives its port and its uvicorn."""
    running = []

    @contextlib.contextmanager
    def start(**limits):
        given = Limits(**{**QUICK, **limits})
        guarded = application(service, Access.of("127.0.0.1"), limits=given)
        server = uvicorn.Server(_config(guarded, Place(limits=given)))
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        running.append((server, thread))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(LONG)
            assert not thread.is_alive()
            assert said == []

    return start


def connected(port, sent=b""):
    client = socket.create_connection(("127.0.0.1", port), timeout=LONG)
    client.sendall(sent)
    return client


def answer(client):
    """Status and body of the one answer, or None where the connection was cut."""
    received = b""
    with client, contextlib.suppress(ConnectionResetError):
        while part := client.recv(1 << 16):
            received += part
    if not received:
        return None
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def get(port, path="/health"):
    text = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    return answer(connected(port, text.encode()))


def post(length, extra=""):
    head = f"POST /search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n{extra}\r\n"
    return head.encode()


def test_silent_connections_shut_nobody_out(serving):
    with serving(connections=20, connections_of_address=20, head_seconds=LONG) as port:
        silent = [connected(port, b"GET / HT"[: n % 9]) for n in range(60)]

        assert get(port)[0] == 200
        for client in silent:
            client.close()


def test_a_connection_that_waits_goes_before_one_that_works(serving, picture):
    with serving(connections=2, connections_of_address=2, patience=LONG) as port:
        working = connected(port, post(len(picture)))
        silent = connected(port)
        time.sleep(0.1)  # both are accepted

        assert get(port)[0] == 200
        assert answer(silent) is None
        working.sendall(picture)
        assert b"200 OK" in working.recv(100)
        working.close()


def test_all_busy_is_said(serving):
    with serving(connections=2, connections_of_address=2, patience=LONG) as port:
        busy = [connected(port, post(1000)) for _ in range(2)]
        time.sleep(0.1)

        assert get(port)[0] == 503
        for client in busy:
            client.close()
        assert eventually(lambda: get(port)[0] == 200)


def eventually(holds):
    until = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("begun", [b"", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
def test_a_head_that_does_not_come_ends_the_connection(serving, begun):
    with serving() as port:
        status, body = answer(connected(port, begun))

    assert status == 408
    assert "head" in body["error"]


def test_a_head_that_trickles_ends_the_connection(serving):
    with serving() as port:
        client = connected(port, b"GET /health HTTP/1.1\r\n")

        assert is_cut_while_sending(client, b"X: y\r\n")


def is_cut_while_sending(client, more):
    """Whether the server closes a connection that is never silent."""
    until = time.monotonic() + LONG
    with client:
        while time.monotonic() < until:
            try:
                client.sendall(more)
            except OSError:
                return True
            time.sleep(0.02)
    return False


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 5000,
        b"GET / HTTP/1.1\r\nX: " + b"y" * 5000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        + b"X: y\r\n" * 1000,
    ],
)
def test_a_head_that_is_too_long_is_refused(serving, sent):
    with serving(head_bytes=2000, head_seconds=LONG) as port:
        found = answer(connected(port, sent))

        assert found is None or found[0] in (401, 405, 431)
        assert get(port)[0] == 200


def test_what_is_no_http_is_refused(serving):
    with serving() as port:
        assert answer(connected(port, b"\x16\x03\x01 hello\r\n\r\n"))[0] == 400


def test_a_body_that_stalls_ends_the_connection_and_frees_its_bytes(serving, picture):
    with serving(upload_bytes=40_000, upload_bytes_of_address=40_000) as port:
        stalled = connected(port, post(30_000) + b"\0" * 29_000)

        status, body = answer(stalled)

        assert status == 408
        assert "body" in body["error"]
        whole = post(len(picture), "Connection: close\r\n") + picture
        assert eventually(lambda: answer(connected(port, whole))[0] == 200)


def test_a_steady_body_may_take_its_time(serving, picture):
    with serving(slowest=100) as port:
        client = connected(port, post(len(picture), "Connection: close\r\n"))
        for start in range(0, len(picture), len(picture) // 8 + 1):
            client.sendall(picture[start : start + len(picture) // 8 + 1])
            time.sleep(0.1)

        assert answer(client)[0] == 200


def test_uploads_hold_no_more_than_they_may(serving):
    with serving(upload_bytes=50_000, upload_bytes_of_address=50_000, patience=LONG) as port:
        holding = connected(port, post(60_000) + b"\0" * 45_000)
        time.sleep(0.2)

        refused = answer(connected(port, post(20_000, "Connection: close\r\n") + b"\0" * 20_000))

        assert refused[0] == 503
        assert "uploads" in refused[1]["error"]
        holding.close()
        assert eventually(
            lambda: (
                answer(connected(port, post(20_000, "Connection: close\r\n") + b"\0" * 20_000))[0]
                == 415
            )
        )


def test_a_refused_upload_is_not_read_for_ever(serving):
    with serving(idle=1) as port:
        client = connected(port, post(10**12))

        assert is_cut_while_sending(client, b"\0" * 1000)


def test_aborted_uploads_are_nothing_to_talk_about(serving, capfd):
    with serving(patience=LONG) as port:
        for _ in range(20):
            connected(port, post(30_000) + b"\0" * 1000).close()
        assert get(port)[0] == 200

    assert capfd.readouterr().err == ""


def test_an_answer_that_nobody_takes_is_given_up(serving, service):
    codes = [service.snapshot.codes[0].tobytes().hex()] * 60
    body = json.dumps({"codes": codes, "k": 1000}).encode()
    head = (
        "POST /search/codes HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with serving(connections=1, connections_of_address=1) as port:
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(LONG)
        deaf.connect(("127.0.0.1", port))
        deaf.sendall(head.encode() + body)
        deaf.recv(1)

        assert eventually(lambda: (get(port) or [0])[0] == 200)
        deaf.close()


def test_the_end_does_not_wait_for_stalled_uploads(serving):
    with serving(patience=LONG, head_seconds=LONG) as port:
        stalled = [connected(port, post(1000)) for _ in range(5)]
        silent = connected(port)
        assert get(port)[0] == 200

    # The fixture has waited for the end of the server.
    assert {answer(client)[0] for client in stalled} == {503}
    assert answer(silent) is None


def test_other_addresses_keep_their_connections():
    loop = asyncio.new_event_loop()
    kept = Connections(Limits(connections=4, connections_of_address=3))

    def waiting(address, since):
        connection = Waiting(kept, address, since, loop)
        assert kept.let_in(connection)
        return connection

    crowd = [waiting("10.0.0.1", number) for number in range(3)]
    alone = waiting("10.0.0.2", -1)
    waiting("10.0.0.1", 9)  # more than its address may have
    waiting("10.0.0.3", 9)  # more than there may be
    loop.close()

    assert [each.dropped for each in crowd] == [True, True, False]
    assert not alone.dropped
    assert len(kept) == 4


class Waiting:
    """A connection without a socket."""

    is_waiting = True
    dropped = False

    def __init__(self, connections, address, since, loop):
        self.connections, self.address, self.since = connections, address, since
        self.loop = loop

    def drop(self):
        self.dropped = True
        self.connections.forget(self)

    def close_if_late(self, now):
        raise AssertionError(now)


def test_an_address_is_a_client_or_its_network():
    assert network_of("10.0.0.1") == network_of("::ffff:10.0.0.1") == "10.0.0.1"
    assert network_of("2001:db8:0:1::1") == network_of("2001:db8:0:1:ff::2%eth0")
    assert network_of("2001:db8:0:1::1") != network_of("2001:db8:0:2::1")
    assert network_of("") == ""
