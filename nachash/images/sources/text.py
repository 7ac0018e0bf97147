"""Texts that people hand over: lists of paths and tables of labels, in whatever encoding."""

import codecs
from typing import Final

_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decoded(content: bytes) -> str:
    """A text in UTF-8 or, where its first bytes say so, in UTF-16; without the mark of either.

    Bytes that are no valid UTF-8 are kept by surrogate escapes.
    """
    if content.startswith(_UTF_16):
        return content.decode("utf-16", errors="replace")
    return content.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors="surrogateescape")
