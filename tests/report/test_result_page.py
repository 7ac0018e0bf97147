"""The page of pictures: names are escaped, a square stands for each bit that it should."""

from nachash.report import bit_pattern, html
from nachash.results.page import PageRow, ResultPage, Tile

EVIL = '"><script>x</script>'


def tile(code="1100", difference="0110"):
    return Tile(None, False, EVIL, "<b>c</b>", 1, code, difference, "keep", True)


def test_what_is_shown_is_escaped():
    page = ResultPage("T", EVIL, ((EVIL, EVIL),), (PageRow(EVIL, (tile(),)),), (EVIL,), "1")

    text = html.results(page)

    assert "<script" not in text
    assert "<b>c" not in text
    assert "&lt;script&gt;" in text


def test_a_square_for_every_difference_and_for_every_shared_one():
    assert bit_pattern.squares("0110").count("M") == 2
    assert bit_pattern.same_ones(tile()).count("M") == 1
    assert bit_pattern.same_ones(tile()).startswith("M0 0h")


def test_the_pattern_has_sixteen_columns_and_more_for_long_codes():
    assert [bit_pattern.columns("0" * n) for n in (8, 64, 256, 512)] == [16, 16, 16, 64]
    assert [bit_pattern.lines("0" * n) for n in (8, 64, 65, 512)] == [1, 4, 5, 8]
