"""What is known of an index before its first row."""

from typing import Any, NotRequired, TypedDict

from nachash.index.reader import Index
from nachash.records import Preprocessing


class Facts(TypedDict):
    """What a new index is made of: all but its rows."""

    bits: int
    preprocessing: Preprocessing
    encoder: bytes
    model: dict[str, Any]
    root: str
    label_names: NotRequired[tuple[str, ...] | None]


def facts_of(index: Index) -> Facts:
    """Those of an index, for another one of the same kind."""
    return Facts(
        bits=index.bits,
        preprocessing=index.preprocessing,
        encoder=index.encoder,
        model=index.model,
        root=index.root,
        label_names=index.label_names,
    )
