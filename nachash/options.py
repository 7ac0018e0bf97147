"""Options of commands, declared once: at the field of the settings that they fill.

A field `k: Annotated[int, Flag("Neighbours per query.", "-k", least=1)] = 10` is a word of Python,
a flag of the command line, a key of `nachash.toml` and a line of the help. `cli/_declared.py` makes
a command of a dataclass of such fields; a field without a `Flag` or `Argument` is no option.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from nachash.settings import SetBy

ANYBODY: Final = SetBy.ANYBODY
OWNER: Final = SetBy.OWNER
UNSET: Final = object()

Grouping = Literal["stars", "components"]
Keep = Literal["camera", "largest", "oldest", "newest", "shortest-path"]
Solver = Literal["exact", "published", "knn"]


@dataclass(frozen=True, slots=True)
class Argument:
    """What a command takes by its place: `help`, how it is called there, and its default there."""

    help: str
    metavar: str | None = None
    default: Any = UNSET
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Flag:
    """What a command takes by its name, which is that of the field if there are no `names`.

    `parse` turns what is typed, a text if there is no other `kind`, into the field's value and
    raises ValueError for what it cannot; `default` then is the field's default as it would be
    typed. `shown` says in the help what the default is.
    """

    help: str
    set_by: SetBy = ANYBODY
    names: tuple[str, ...] = ()
    least: int | float | None = None
    most: int | float | None = None
    environment: str | None = None
    metavar: str | None = None
    shown: bool | str = True
    parse: Callable[[Any], Any] | None = None
    kind: Any = str
    default: Any = UNSET


Index = Annotated[
    Path | None,
    Flag(
        "Index to use; otherwise $NACHASH_INDEX, else the only index in this directory, "
        "else, to read it only, the index written last.",
        SetBy.NEIGHBOUR,
    ),
]
# The same index, named by its place or by the flag.
IndexByPlace = Annotated[Index, Argument("The same as --index.", "INDEX", shown=False)]
Model = Annotated[
    Path | None,
    Flag("Model directory, or builtin; default runs/latest.", OWNER, environment="NACHASH_MODEL"),
]
Device = Annotated[str, Flag("auto, cpu, cuda or mps.", environment="NACHASH_DEVICE")]
Seed = Annotated[int, Flag("Seed of every random choice.", environment="NACHASH_SEED")]
Workers = Annotated[
    int | None,
    Flag(
        "Threads that decode images (0: none besides this one); default: one per core.",
        least=0,
        environment="NACHASH_WORKERS",
    ),
]
DataSetName = Annotated[str | None, Flag("A data set by name instead.", OWNER)]
DataRoot = Annotated[
    Path | None,
    Flag(
        "Folder of the named data set; default: its folder below $NACHASH_DATA or the cache.",
        OWNER,
    ),
]
Protocol = Annotated[str | None, Flag("Another protocol of the data set than the usual one.")]
Size = Annotated[int | None, Flag("Side of the square input, in pixels.", least=8)]
BatchSize = Annotated[int, Flag("Images encoded at once.", least=1)]
Hash = Annotated[
    bool,
    Flag("Record a digest of each file, and compare it with the recorded one."),
]
Metadata = Annotated[
    bool,
    Flag("Record width, height and EXIF time of each picture, for `search --where`."),
]
Exclude = Annotated[
    tuple[str, ...],
    Flag(
        "Leave out files and folders of this name or path, as in a shell, besides the usual "
        "ones: names with a dot in front, @eaDir, #recycle, $RECYCLE.BIN, lost+found, __MACOSX.",
        OWNER,
        metavar="PATTERN",
    ),
]
NoCheck = Annotated[bool, Flag("Skip the integrity check of what is read from the index.", OWNER)]
DryRun = Annotated[bool, Flag("Only show what would be done.", OWNER)]
Json = Annotated[bool, Flag("Print JSON for machines.")]
Overwrite = Annotated[bool, Flag("Replace the output when it exists already.", OWNER)]
Strict = Annotated[bool, Flag("Exit with code 3 when an image was skipped.")]
Html = Annotated[Path | None, Flag("Write a page to look at: pictures, distances, bits.", OWNER)]
NoExitCode = Annotated[bool, Flag("Exit with 0 when nothing is found.", OWNER)]
Print0 = Annotated[
    bool,
    Flag(
        "Print plain paths, each ended by a zero byte, as for `xargs -0`.",
        OWNER,
        ("--print0", "-0"),
    ),
]
AllowHost = Annotated[
    list[str] | None,
    Flag(
        "Fetch pictures of the index from this host, as HOST, HOST:PORT or s3://BUCKET.",
        OWNER,
        environment="NACHASH_ALLOW_HOST",
        metavar="HOST",
    ),
]
