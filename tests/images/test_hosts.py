"""Pictures of an index are fetched only from hosts that the user named, redirects included."""

import contextlib
import http.server
import threading

import pytest
from pictures import contents, gradient

from nachash.errors import ImageError
from nachash.images.sources import remote
from nachash.images.sources.hosts import Hosts, host_of
from nachash.images.sources.originals import Originals, opened_at

PICTURE = contents(gradient(8, 8), "PNG")


@contextlib.contextmanager
def serving(answer):
    """A server that answers GET and HEAD by a function; yields its host and what was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            code, headers, body = answer(self.path)
            self.send_response(code)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def picture(_path):
    return 200, {"Content-Type": "image/png"}, PICTURE


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://a.org/x.jpg", "a.org"),
        ("HTTPS://A.org:443/x", "a.org"),
        ("http://a.org:443/x", "a.org:443"),
        ("http://a.org:8080", "a.org:8080"),
        ("http://user:word@a.org/x", "a.org"),
        ("http://[::1]:80/x", "[::1]"),
        ("s3://bucket/key", "s3://bucket"),
        ("http://b.org@a.org/", "a.org"),
        ("http://b.org\\@a.org/", ""),
        ("http://b.org#@a.org/", ""),
        ("http://b.org?@a.org/", ""),
        ("http://b.org\t/", ""),
        ("http://a.org:8080:1/", ""),
        ("http://a.org::http://b.org/", ""),
        ("http:///x", ""),
        ("/home/a", ""),
    ],
)
def test_the_host_of_a_url_is_clear_or_there_is_none(url, host):
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("names", "places", "url", "opened"),
    [
        ([], [], "http://a.org/x", False),
        (["a.org"], [], "https://A.ORG/x", True),
        (["a.org"], [], "http://a.org:8080/x", False),
        (["a.org:8080"], [], "http://a.org:8080/x", True),
        (["a.org"], [], "http://evil.a.org/x", False),
        (["a.org"], [], "s3://a.org/x", False),
        (["s3://bucket"], [], "s3://bucket/x", True),
        ([], ["q.jpg", "http://a.org/q.jpg"], "http://a.org/x", True),
        ([], ["q.jpg"], "http://q.jpg/x", False),
        ([], [], "memory://x/y", True),
        ([], [], "file:///etc/passwd", False),
    ],
)
def test_only_what_was_named_is_opened(names, places, url, opened):
    assert (Hosts.of(names, places).refusal(url) == "") is opened


def test_an_index_makes_no_request_to_a_host_that_was_not_named():
    with serving(picture) as (host, asked):
        for path in ("a.png", "delete?all=1", "all.zip/a.png"):
            with pytest.raises(ImageError, match=f"add --allow-host {host}"):
                opened_at(f"http://{host}/{path}")
            with pytest.raises(ImageError, match="was not named"):
                Originals(f"http://{host}").open(path)
        assert asked == []
        assert opened_at(f"http://{host}/a.png", Hosts.of([host])).size == (8, 8)


@pytest.mark.parametrize("form", ["http://{}/secret.png", "//{}/secret.png"])
def test_a_redirect_to_another_host_is_not_followed(form):
    with serving(picture) as (inner, asked_inside):

        def elsewhere(_path):
            return 302, {"Location": form.format(inner)}, b""

        with serving(elsewhere) as (host, _):
            for path in ("a.png", "all.zip/a.png"):
                with pytest.raises(ImageError, match=f"{inner} was not named"):
                    opened_at(f"http://{host}/{path}", Hosts.of([host]))
            assert asked_inside == []
            assert opened_at(f"http://{host}/b.png", Hosts.of([host, inner])).size == (8, 8)


def test_a_redirect_on_the_same_host_is_followed():
    def answer(path):
        return picture(path) if path == "/there.png" else (301, {"Location": "/there.png"}, b"")

    with serving(answer) as (host, _):
        assert opened_at(f"http://{host}/here.png", Hosts.of([host])).size == (8, 8)


def test_what_is_absent_is_told_from_what_cannot_be_asked():
    def answer(path):
        code = {"/there.png": 200, "/gone.png": 404}.get(path, 503)
        return code, {}, PICTURE if code == 200 else b""

    with serving(answer) as (host, _):
        told = remote.absent(
            f"http://{host}/", ["there.png", "gone.png", "broken.png"], Hosts.of([host])
        )

    assert told[:2] == [False, True]
    assert isinstance(told[2], str), "a server that fails says nothing of the file"
