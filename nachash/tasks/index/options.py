"""What the commands of `index` can be asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from nachash import options
from nachash.images.sources.hosts import NONE, Hosts
from nachash.options import OWNER, Argument, Flag


@dataclass(frozen=True, slots=True, kw_only=True)
class AddSettings:
    """What `index add` needs to know; the words are those of the command line."""

    images: Annotated[
        str, Argument("The folder of the index, or a folder, image or list below it.")
    ]
    index: options.Index = None
    labels: Annotated[
        str, Flag("auto (as the index has them), folder, none or FILE.csv.", OWNER)
    ] = "auto"
    hash: options.Hash = False
    metadata: options.Metadata = False
    exclude: options.Exclude = ()
    batch_size: options.BatchSize = 256
    workers: options.Workers = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactSettings:
    """What `index compact` needs to know."""

    index: options.IndexByPlace = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """What `index export` needs to know; without a format the suffix of `out` says it."""

    out: Annotated[Path, Argument("File to write: .npy, .faiss, .csv or .parquet.")]
    format: Annotated[
        str | None, Flag("npy, faiss, csv or parquet; default: what the suffix says.")
    ] = None
    index: options.Index = None
    overwrite: options.Overwrite = False
    no_check: options.NoCheck = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoSettings:
    """What `index info` needs to know."""

    index: options.IndexByPlace = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeSettings:
    """What `index merge` needs to know."""

    indexes: tuple[Path, ...]
    out: Path
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrateSettings:
    """What `index migrate` needs to know."""

    index: options.IndexByPlace = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RelocateSettings:
    """What `index relocate` needs to know: where the images were, and where they are."""

    old: Annotated[str, Argument("Where the images were, or a folder above.")]
    new: Annotated[str, Argument("The same folder, where it is now.")]
    index: options.Index = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveSettings:
    """What `index remove` needs to know; a path is an image or a folder.

    `yes`: however many are missing. `hosts`: those that are asked what is missing at a URL.
    """

    paths: Annotated[tuple[str, ...], Argument("Images or folders, as the index names them.")] = ()
    missing: Annotated[bool, Flag("All images whose files are no longer there.", OWNER)] = False
    index: options.Index = None
    dry_run: options.DryRun = False
    yes: Annotated[bool, Flag("Do not ask, however many are missing.", OWNER)] = False
    hosts: Hosts = NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairSettings:
    """What `index repair` needs to know."""

    index: options.IndexByPlace = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreSettings:
    """What `index restore` needs to know; a path is an image or a folder, none means all."""

    paths: Annotated[
        tuple[str, ...],
        Argument("Images or folders, as the index names them; default: all removed."),
    ] = ()
    index: options.Index = None
    dry_run: options.DryRun = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySettings:
    """What `index verify` needs to know."""

    index: options.IndexByPlace = None
