"""What `search` can be asked for."""

from dataclasses import dataclass
from typing import Annotated

from nachash import options
from nachash.options import OWNER, Argument, Flag


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """What `search` needs to know; the words are those of the command line."""

    queries: Annotated[
        tuple[str, ...],
        Argument("Images; '-' reads one image, or paths line by line, from stdin."),
    ] = ()
    ids: Annotated[tuple[int, ...], Flag("An indexed image by its id.", OWNER, ("--id",))] = ()
    paths: Annotated[
        tuple[str, ...], Flag("An indexed image by its path.", OWNER, ("--path",))
    ] = ()
    index: options.Index = None
    k: Annotated[
        int | None, Flag("Neighbours per query.  [default: 10]", names=("-k",), least=1)
    ] = None
    max_distance: Annotated[
        int | None, Flag("Only images within this Hamming distance, inclusive.", least=0)
    ] = None
    where: Annotated[
        tuple[str, ...],
        Flag(
            "Only images that fulfil a condition: label=cat, label!=cat, path=2019/*, "
            "size>100000, time<2020-01-01, width>=1000, taken>=2023-05-01; several hold at once."
        ),
    ] = ()
    under: Annotated[
        tuple[str, ...], Flag("Only images below this folder (or one of several).")
    ] = ()
    similar: Annotated[bool, Flag("All similar images, as far as `calibrate` measured.")] = False
    rerank: Annotated[
        int | None,
        Flag(
            "Order so many nearest by how sure the query is of the bits that differ, "
            "and show the best of them.",
            least=1,
        ),
    ] = None
    no_check: options.NoCheck = False
    engine: str = "faiss-flat"
