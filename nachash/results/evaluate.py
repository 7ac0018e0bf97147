"""What `eval-map` measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scores:
    """Result of `eval-map`; every value lies in [0, 1] unless it counts something.

    `at` is the cut-off of the ranking, None for all; `over` what AP@K divides by. `curve` has a
    point per Hamming radius. `distinct` counts the different codes of the gallery, `seen` the
    queries that the model was trained on, where that is known. Where the queries were drawn at
    random, `drawn_from` is out of how many, and `standard_error` that of `map`.
    """

    map: float
    map_optimistic: float
    map_pessimistic: float
    at: int | None
    precision_at: dict[str, float]
    precision_radius2: float
    queries: int
    gallery: int
    bits: int
    protocol: str
    score: str
    over: str
    empty_queries: str
    queries_without_relevant: int
    chance: float
    distinct: int
    curve: dict[str, list[int] | list[float]]
    index: str
    seed: int | None = None
    seen: int | None = None
    drawn_from: int | None = None
    standard_error: float | None = None
