"""What `dedup` and `calibrate` can be asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from nachash import options
from nachash.images.sources.hosts import NONE, Hosts
from nachash.options import OWNER, Argument, Flag, Grouping, Keep


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupSettings:
    """What `dedup` needs to know; the words are those of the command line.

    `codes_only`: near codes are enough, no picture is compared. `moving`: files will be moved,
    so that the source has to be named. `hosts`: those that pictures of an index are fetched from.
    """

    source: Annotated[
        Path | None, Argument("Index, or a folder of images; default: the index as in search.")
    ] = None
    max_distance: Annotated[
        int | None,
        Flag(
            "Bits in which two images of a group may differ; default: what `calibrate` "
            "measured, else one bit in 20, or more where few more pictures are then compared.",
            OWNER,
            least=0,
        ),
    ] = None
    grouping: Annotated[
        Grouping,
        Flag(
            "stars: each near the kept one itself; components: linked by a chain.",
            OWNER,
            ("--group",),
        ),
    ] = "stars"
    keep: Annotated[
        Keep,
        Flag(
            "Which one to keep: camera prefers what has a camera's EXIF, then the most "
            "pixels, then the largest file; oldest and newest go by the time of the file.",
            OWNER,
        ),
    ] = "camera"
    codes_only: Annotated[
        bool,
        Flag("Take near codes for copies; by default both pictures are compared as well.", OWNER),
    ] = False
    reference: Annotated[
        tuple[Path, ...],
        Flag("Folder whose images are kept and never touched; several are possible.", OWNER),
    ] = ()
    model: options.Model = None
    device: options.Device = "auto"
    workers: options.Workers = None
    no_check: options.NoCheck = False
    exclude: options.Exclude = ()
    moving: bool = False
    hosts: Hosts = NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrateSettings:
    """What `calibrate` needs to know; the words are those of the command line.

    `hosts`: those that pictures of the index are fetched from.
    """

    index: Annotated[Path | None, Argument("Index; default: the index as in search.")] = None
    images: Annotated[int, Flag("Indexed images to make copies of.", least=1)] = 300
    seed: options.Seed = 0
    hosts: Hosts = NONE
