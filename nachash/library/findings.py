"""What is found, as a notebook shows it: the records of the tasks with pictures and a plot."""

from dataclasses import fields
from typing import Any, final

from nachash.library import notebook
from nachash.results.dedup import Duplicates as FoundDuplicates
from nachash.results.evaluate import Scores


@final
class Duplicates(FoundDuplicates):
    """Groups of images that look the same."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return notebook.duplicates(self)


@final
class Evaluation(Scores):
    """How well codes retrieve."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return notebook.evaluation(self)


def values(record: Any) -> dict[str, Any]:
    """The fields of a record by name."""
    return {each.name: getattr(record, each.name) for each in fields(record)}
