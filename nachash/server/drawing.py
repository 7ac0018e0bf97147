"""Codes of an answer, drawn: which ones the query has too, and which bits differ."""

from dataclasses import replace

from nachash.report import bit_pattern
from nachash.results.serve import ServedAnswer, ServedImage
from nachash.tasks.serve.described import bits_text


def drawn(answer: ServedAnswer) -> ServedAnswer:
    """The answer with the squares of every hit beside its query."""
    query = bits_text(answer.code, answer.bits)
    return replace(answer, hits=tuple(_drawn(hit, query) for hit in answer.hits))


def _drawn(hit: ServedImage, query: str) -> ServedImage:
    own = bits_text(hit.code, len(query))
    difference = "".join("01"[one != other] for one, other in zip(own, query, strict=True))
    return replace(
        hit,
        same=bit_pattern.common(own, difference),
        different=bit_pattern.squares(difference),
    )


def grid(bits: int) -> tuple[int, int]:
    """Columns and lines of the grid that a code is drawn in."""
    empty = "0" * bits
    return bit_pattern.columns(empty), bit_pattern.lines(empty)
