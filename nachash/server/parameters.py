"""Parameters that several endpoints share: their names are those of the command line."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nachash.tasks.search.nearest import Wish

MOST_HITS: Final = 1000
MOST_CODES: Final = 1000
_FILTERS: Final = 20
_MOST_ID: Final = 2**63 - 1

Condition = Annotated[str, StringConstraints(max_length=300)]
Id = Annotated[int, Path(ge=0, le=_MOST_ID, description="An image of the index.")]
K = Annotated[int, Query(ge=1, le=MOST_HITS, description="How many of the nearest.")]
Radius = Annotated[
    int | None, Query(ge=0, le=4096, description="Only images at most so many bits away.")
]
Where = Annotated[
    Sequence[Condition],
    Query(
        max_length=_FILTERS,
        description="A condition as in `search --where`: label=cat, path=2019/*, size>100000, "
        "time<2020-01-01. Several hold at once.",
    ),
]
Under = Annotated[
    Sequence[Condition],
    Query(max_length=_FILTERS, description="Only images below this folder, or one of several."),
]
Counts = Annotated[bool, Query(description="Also count the images within each radius.")]
Draw = Annotated[bool, Query(description="Also draw the code of each hit, as the path of an SVG.")]
Count = Annotated[int, Query(ge=1, le=MOST_HITS, description="How many images at most.")]


def _wish(
    where: Where = (),
    under: Under = (),
    k: K = 10,
    radius: Radius = None,
    *,
    counts: Counts = False,
) -> Wish:
    return Wish(k=k, radius=radius, where=tuple(where), under=tuple(under), counts=counts)


Wished = Annotated[Wish, Depends(_wish)]


class CodesAsked(BaseModel):
    """Codes to look up, in hex, with what is wished of all of them."""

    model_config = ConfigDict(extra="forbid")

    codes: list[Annotated[str, StringConstraints(max_length=1024)]] = Field(
        min_length=1, max_length=MOST_CODES
    )
    k: int = Field(10, ge=1, le=MOST_HITS)
    radius: int | None = Field(None, ge=0, le=4096)
    where: list[Condition] = Field([], max_length=_FILTERS)
    under: list[Condition] = Field([], max_length=_FILTERS)
    brief: bool = Field(default=False, description="Answer with ids and distances alone.")

    @property
    def wish(self) -> Wish:
        """What is wished of every code."""
        return _wish(self.where, self.under, self.k, self.radius)
