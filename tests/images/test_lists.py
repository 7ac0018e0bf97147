"""Lists of paths as programs write them: every name in them is a whole one."""

import io

import pytest

from nachash.errors import UsageError
from nachash.images.sources import location, path_list

NAMES = [
    "plain.jpg",
    "line\u2028sep.jpg",
    "nel\x85x.jpg",
    "ff\x0cx.jpg",
    "vt\x0bx.jpg",
    "fs\x1cx.jpg",
    "cr\rx.jpg",
    " lead.jpg",
    "trail .jpg",
    "#hash.jpg",
    "esc\x1b[31mred.jpg",
    "caf\u00e9.jpg",
    "latin-\udce9.jpg",
]


@pytest.fixture
def folder(tmp_path):
    for name in [*NAMES, "two\nlines.jpg"]:
        (tmp_path / name).write_bytes(b"\xff\xd8\xff")
    return tmp_path


def found(source):
    assert not source.skipped
    return {each.path for each in source.references}


def stdin(content):
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")


def written(names, end, encoding="utf-8"):
    return "".join(name + end for name in names).encode(encoding, "surrogateescape")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_feed_alone_ends_a_line(folder, end, mark, monkeypatch):
    content = mark + written(NAMES, end)
    (folder / "list").write_bytes(content)
    monkeypatch.chdir(folder)

    assert found(location.source("list", ())) == set(NAMES)
    assert found(location.source("-", stdin(content))) == set(NAMES)


def test_names_may_be_ended_by_zero_bytes(folder, monkeypatch):
    content = written([*NAMES, "two\nlines.jpg"], "\0")
    (folder / "list").write_bytes(content)
    monkeypatch.chdir(folder)

    assert found(location.source("list", ())) == {*NAMES, "two\nlines.jpg"}
    assert found(location.source("-", stdin(content))) == {*NAMES, "two\nlines.jpg"}


def test_a_list_in_utf_16_is_read(folder, monkeypatch):
    (folder / "list").write_bytes(written(NAMES[:-1], "\r\n", "utf-16"))
    monkeypatch.chdir(folder)

    assert found(location.source("list", ())) == set(NAMES[:-1])


@pytest.mark.parametrize("content", [b"\0", b"\x7fELF\2\1\1\0\0\0", b"a\0b", b"\0\0\0\x18ftypqt"])
def test_what_is_no_text_is_no_list(content):
    with pytest.raises(UsageError, match="neither an image nor"):
        path_list.paths_in(content, "x")
