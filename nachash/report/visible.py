r"""Text that a terminal shows and does not obey.

Names of files, labels and errors may come from a stranger. An escape sequence in one could
recolour, overwrite or retitle the terminal, a line break fake a line, a sign that turns the
direction of writing hide a suffix.
"""

from typing import Final

# Control characters, signs of format, single surrogates, separators of lines and paragraphs.
_ESCAPED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS: Final = frozenset("\u200c\u200d")  # of Persian, of Indian scripts and of emoji
_SHORT: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def visible(text: str) -> str:
    r"""A text in one line, with what is not to be seen written as `\n`, `\x1b` or `\u202e`.

    A byte of a name that is no text becomes `\xff`, as Python and shells write it.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_character, text))


def _character(one: str) -> str:
    import unicodedata  # of most names not needed

    if one in _JOINERS or unicodedata.category(one) not in _ESCAPED:
        return one
    code = ord(one)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no text
        code -= 0xDC00
    long = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    return _SHORT.get(one, long if code < 0x10000 else f"\\U{code:08x}")
