"""Options that mean the same in every command."""

import os
from pathlib import Path
from typing import Annotated

import typer

from nachash.settings import SetBy


def _debug(wanted: bool) -> bool:
    if wanted:
        os.environ["NACHASH_DEBUG"] = "1"
    return wanted


Index = Annotated[
    Path | None,
    typer.Option(
        "--index",
        help="Index to use; otherwise $NACHASH_INDEX, else the only index in this directory, "
        "else, to read it only, the index written last.",
    ),
    SetBy.NEIGHBOUR,
]
IndexArgument = Annotated[
    Path | None, typer.Argument(metavar="INDEX", help="The same as --index.", show_default=False)
]
Model = Annotated[
    Path | None,
    typer.Option(
        "--model", envvar="NACHASH_MODEL", help="Model directory, or builtin; default runs/latest."
    ),
    SetBy.OWNER,
]
Device = Annotated[
    str,
    typer.Option("--device", envvar="NACHASH_DEVICE", help="auto, cpu, cuda or mps."),
    SetBy.ANYBODY,
]
Seed = Annotated[
    int,
    typer.Option("--seed", envvar="NACHASH_SEED", help="Seed of every random choice."),
    SetBy.ANYBODY,
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        envvar="NACHASH_WORKERS",
        min=0,
        help="Threads that decode images (0: none besides this one); default: one per core.",
    ),
    SetBy.ANYBODY,
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines."), SetBy.ANYBODY]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace the output when it exists already."),
    SetBy.OWNER,
]
Hash = Annotated[
    bool,
    typer.Option(
        "--hash", help="Record a digest of each file, and compare it with the recorded one."
    ),
    SetBy.ANYBODY,
]
Metadata = Annotated[
    bool,
    typer.Option(
        "--metadata",
        help="Record width, height and EXIF time of each picture, for `search --where`.",
    ),
    SetBy.ANYBODY,
]
NoCheck = Annotated[
    bool,
    typer.Option("--no-check", help="Skip the integrity check of what is read from the index."),
    SetBy.OWNER,
]
Print0 = Annotated[
    bool,
    typer.Option(
        "--print0", "-0", help="Print plain paths, each ended by a zero byte, as for `xargs -0`."
    ),
    SetBy.OWNER,
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Only show what would be done."),
    SetBy.OWNER,
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Exit with code 3 when an image was skipped."),
    SetBy.ANYBODY,
]
DataRoot = Annotated[
    Path | None,
    typer.Option(
        "--data-root",
        help="Folder of the named data set; default: its folder below $NACHASH_DATA or the cache.",
    ),
    SetBy.OWNER,
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        envvar="NACHASH_ALLOW_HOST",
        metavar="HOST",
        help="Fetch pictures of the index from this host, as HOST, HOST:PORT or s3://BUCKET.",
    ),
    SetBy.OWNER,
]
Debug = Annotated[
    bool,
    typer.Option(
        "--debug",
        envvar="NACHASH_DEBUG",
        callback=_debug,
        help="Show the full traceback of an error.",
    ),
    SetBy.OWNER,
]


def assigned(text: str) -> tuple[str, bool | float | int | str]:
    """NAME=VALUE, the value a number, true or false where it reads as one."""
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"'{text}' is not NAME=VALUE", param_hint="--set")
    for number in (int, float):
        try:
            return name, number(value)
        except ValueError:
            continue
    return name, {"true": True, "false": False}.get(value, value)
