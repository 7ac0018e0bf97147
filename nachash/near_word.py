"""What a user may have meant by a word that is not known."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "", *, most: int = 1) -> str:
    """A hint that names the words most like one, at most so many; `otherwise` where none is."""
    close = difflib.get_close_matches(word, sorted(known), n=most)
    return f"did you mean {', '.join(close)}?" if close else otherwise
