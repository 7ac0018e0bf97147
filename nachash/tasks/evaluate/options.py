"""What `eval-map` can be asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from nachash import options
from nachash.options import OWNER, Flag

Score = Literal["hamming", "dot01", "asymmetric"]
Over = Literal["found", "possible"]
EmptyQueries = Literal["zero", "skip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateSettings:
    """What `evaluate` needs to know; the words are those of the command line."""

    index: options.Index = None
    queries: Annotated[
        Path | None,
        Flag("Index of the queries; otherwise each image is a query for the others.", OWNER),
    ] = None
    dataset: Annotated[
        str | None, Flag("A data set by name, under its published protocol.", OWNER)
    ] = None
    model: options.Model = None
    protocol: options.Protocol = None
    data_root: options.DataRoot = None
    at: Annotated[int | None, Flag("Cut the ranking after so many; default: all.", least=1)] = None
    score: Annotated[
        Score,
        Flag(
            "hamming; dot01: shared ones, as the reference implementation ranks; asymmetric: "
            "real-valued queries against bits, with --dataset."
        ),
    ] = "hamming"
    over: Annotated[
        Over,
        Flag(
            "AP with --at K divides by the relevant images found, or by as many as possible: "
            "min(K, all)."
        ),
    ] = "found"
    empty_queries: Annotated[
        EmptyQueries, Flag("Queries without a relevant image count as zero or are left out.")
    ] = "zero"
    sample: Annotated[
        int | None,
        Flag("Queries to draw at random; default: all, 10,000 of more than 100,000.", least=1),
    ] = None
    seed: options.Seed = 0
    workers: options.Workers = None
    device: options.Device = "auto"
    no_check: options.NoCheck = False
