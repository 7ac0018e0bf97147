"""Who may ask: requests under a foreign name or from a foreign page are refused."""

import pytest
from serving import OWN, served
from starlette.testclient import TestClient

from nachash.errors import UsageError
from nachash.server.access import Access, checked_token, host_of, new_token
from nachash.server.application import application


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


def test_names_are_those_of_loopback_the_own_one_and_those_that_were_allowed():
    def answered(host, *allowed):
        access = Access.of(host, allowed)
        return [name for name in _AUTHORITIES if access.answers_to(name)]

    own = ["127.0.0.1:8000", "localhost", "[::1]:7"]
    assert answered("127.0.0.1") == answered("::1") == own
    assert answered("192.168.0.7") == [*own, "192.168.0.7"]
    assert answered("nas.local", "Photos.Example") == [*own, "nas.local:80", "photos.example"]
    assert answered("0.0.0.0") == answered("::") == [*own, "192.168.0.7", "[fe80::1]:80"]
    assert host_of("[::1]") == host_of("[::1]:7") == "::1"


_AUTHORITIES = (
    "127.0.0.1:8000",
    "localhost",
    "[::1]:7",
    "192.168.0.7",
    "[fe80::1]:80",
    "nas.local:80",
    "photos.example",
    "evil.example",
    "evil.photos.example",
    "",
)


def test_a_request_with_two_hosts_is_refused(client):
    twice = [("Host", "127.0.0.1:8000"), ("Host", "evil.example")]

    assert client.get("/health", headers=twice).status_code == 421


@pytest.mark.parametrize(
    ("site", "mode", "status"),
    [
        ("same-origin", "cors", 200),
        ("none", "navigate", 200),
        ("cross-site", "navigate", 200),
        ("cross-site", "no-cors", 403),
        ("same-site", "cors", 403),
    ],
)
def test_what_another_site_embeds_is_refused(client, site, mode, status):
    sent = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}

    assert client.get("/health", headers=sent).status_code == status


TOKEN = "correct-horse-battery"


@pytest.fixture
def asking(service):
    """A new client of a server that wants a token, which follows no redirection."""
    access = Access.of("127.0.0.1", token=TOKEN)
    guarded = application(service, access)
    return TestClient(guarded, base_url=OWN, follow_redirects=False)


@pytest.mark.parametrize("path", ["/", "/health", "/thumb/0", "/script.js", "/openapi.json", "/x"])
@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer " + TOKEN[:-1]},
        {"Authorization": "Basic " + TOKEN},
        {"Cookie": "nachash-8000=wrong"},
        {"Cookie": "nachash-80=" + TOKEN},
        {"Cookie": "nachash-8000=; ]"},
    ],
)
def test_without_the_token_nothing_is_shown(asking, path, sent):
    response = asking.get(path, headers=sent)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "token" in response.json()["error"]


def test_a_token_in_the_address_counts_on_the_page_only(asking):
    assert asking.get(f"/health?token={TOKEN}").status_code == 401
    assert asking.post(f"/?token={TOKEN}").status_code == 401


def test_programs_send_the_token_in_a_header(asking):
    sent = {"Authorization": f"Bearer {TOKEN}"}

    assert asking.get("/health", headers=sent).json()["status"] == "ok"


def test_the_first_visit_leaves_a_cookie_and_no_token_in_the_address(asking):
    first = asking.get(f"/?token={TOKEN}")

    assert first.status_code == 303
    assert first.headers["location"] == "./"
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert asking.get("/").status_code == asking.get("/health").status_code == 200
    again = asking.get(f"/?token={TOKEN}", headers={"X-Forwarded-Proto": "https"})
    assert again.status_code == 303


def test_a_server_without_a_token_takes_none_from_an_address(client):
    response = client.get("/?token=a%0d%0aX-Injected:1", follow_redirects=False)

    assert response.status_code == 200
    assert "set-cookie" not in response.headers


def test_behind_tls_the_cookie_is_sent_over_tls_only(asking):
    first = asking.get(f"/?token={TOKEN}", headers={"X-Forwarded-Proto": "https"})

    assert "Secure" in first.headers["set-cookie"]


def test_a_browser_without_the_token_is_asked_for_it(asking):
    for address in ("/", "/?token=wrong"):
        response = asking.get(address, headers={"Accept": "text/html,*/*"})
        assert response.status_code == 401
        assert '<input id="token" name="token"' in response.text
    assert asking.get("/style.css").status_code == asking.get("/icon.svg").status_code == 200


def test_a_foreign_name_is_refused_before_the_token_is_looked_at(asking):
    sent = {"Host": "evil.example", "Authorization": f"Bearer {TOKEN}"}

    assert asking.get("/health", headers=sent).status_code == 421


@pytest.mark.parametrize("token", ["", "short", "with space in the middle", "é" * 20, "a;b" * 9])
def test_a_chosen_token_must_be_long_and_plain(token):
    with pytest.raises(UsageError) as caught:
        checked_token(token, "$NACHASH_TOKEN")

    assert not token or token not in str(caught.value)
    assert checked_token(TOKEN, "x") == TOKEN
    assert len(new_token()) >= 32
    assert new_token() != new_token()


def test_an_unforeseen_error_is_one_sentence_for_both_sides(indexed_digits, monkeypatch, said):
    with served(indexed_digits / "out.h5") as (service, _):
        guarded = application(service, Access.of("127.0.0.1"))
        monkeypatch.setattr(type(service), "sample", lambda *_: 1 / 0)
        client = TestClient(guarded, base_url=OWN, raise_server_exceptions=False)
        response = client.get("/sample")

    assert response.status_code == 500
    assert set(response.json()) == {"error", "hint"}
    assert len(said) == 1
    assert "ZeroDivisionError" in said[0]
    assert "Traceback" not in said[0]
