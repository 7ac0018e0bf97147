"""Names that a stranger chose: nothing of them reaches a terminal raw, and pipes stay exact."""

import unicodedata

import pytest

from nachash.cli import _terminal as terminal
from nachash.errors import DamagedError, UsageError
from nachash.report import duplicates, index_table, json_lines, plain_paths, table
from nachash.report.visible import visible
from nachash.results.dedup import Duplicate, Duplicates, Move
from nachash.results.encode import Encoding
from nachash.results.index import Export, Problem, Removal, Repair, Restoration, Verification
from nachash.results.search import Answer, Hit

BAD = "a\x1b[31m\n\r\t\x9b\u202egpj\u2028\ufeff\udcff.jpg"
FINE = "caf\u00e9 \u65e5\u672c\u3000\U0001f3d6\ufe0f \u0645\u06cc\u200c\u062e\\x.jpg"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain name.jpg", "plain name.jpg"),
        (FINE, FINE),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[31m\x07\x7f\x9b", r"\x1b[31m\x07\x7f\x9b"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("a\u2028b\u0085c", r"a\u2028b\x85c"),
        ("\udce9", r"\xe9"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text, seen):
    assert visible(text) == seen


def harmless(text):
    """Whether nothing but line ends and rich's colours is left to obey."""
    return "\x1b[31m" not in text and not any(
        unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") and one not in "\n\x1b"
        for one in text
    )


def texts():
    hit = Hit(BAD, 1, 0, BAD, 3, BAD)
    image = Duplicate(BAD, 0, 0, 8, 8, 9, True, False, "00")
    found = Duplicates(BAD, BAD, 1, "components", 8, 2, ((image, image),))
    answer = Answer(index=BAD, queries=(BAD,), hits=((hit,),), bits=8, skipped=(), notes=())
    yield from table.hits(answer)
    yield table.encoding(Encoding(BAD, BAD, 1, (), 8, 0, BAD, 1.0, 1, 0, 0))
    yield table.table_text(BAD, ("path",), [[BAD]])
    yield from duplicates.text(found)
    yield index_table.removal(Removal(BAD, (BAD,), 1))
    yield index_table.restoration(Restoration(BAD, (BAD,), 1))
    yield index_table.verification(Verification(BAD, 1, 1, (Problem(BAD, BAD),), 1.0))
    yield index_table.repair(Repair(BAD, (BAD,), 1, 0, BAD))
    yield index_table.export(Export(BAD, BAD, BAD, 1))


def test_no_table_passes_a_name_on_raw():
    for text in texts():
        assert harmless(text), repr(text)


def test_no_sentence_passes_a_name_on_raw(capsys):
    terminal.note(f"index: {BAD}")
    terminal.show_error(DamagedError(f"{BAD} is damaged", f"nachash index repair {BAD}"))
    for line in duplicates.moves([Move(BAD, BAD), Move(BAD, BAD, BAD)], done=True):
        terminal.note(line)

    told = capsys.readouterr().err
    assert harmless(told)
    assert len(told.splitlines()) == 5


def test_json_stays_exact():
    import json

    hit = Hit("q", 1, 0, "a\nb\u2028\x1b.jpg", 3)
    answer = Answer(index="x", queries=("q",), hits=((hit,),), bits=8, skipped=(), notes=())

    (line,) = json_lines.hits(answer)

    assert "\n" not in line
    assert json.loads(line)["path"] == hit.path


def test_a_pipe_gets_whole_names_or_none():
    assert plain_paths.lines(["a", "b\x1b[0m\udcff"], zeros=False) == [b"a\n", b"b\x1b[0m\xff\n"]
    assert plain_paths.lines(["a\nb", "c"], zeros=True) == [b"a\nb\0", b"c\0"]
    with pytest.raises(UsageError, match="line break"):
        plain_paths.lines(["a", "b\nc"], zeros=False)
