"""What `encode` can be asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from nachash import options
from nachash.options import OWNER, Argument, Flag


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeSettings:
    """What `encode` needs to know; the words are those of the command line."""

    images: Annotated[
        str, Argument("Folder (with its sub-folders), list of paths, '-', .tar, .zip, URL.")
    ]
    out: Annotated[Path, Argument("Index to write, an HDF5 file.", default=Path("out.h5"))]
    model: options.Model = None
    labels: Annotated[
        str,
        Flag(
            "auto, folder, none or FILE.csv; auto takes folder names when every image "
            "lies in a folder.",
            OWNER,
        ),
    ] = "auto"
    batch_size: options.BatchSize = 256
    device: options.Device = "auto"
    workers: options.Workers = None
    overwrite: options.Overwrite = False
    resume: Annotated[bool, Flag("Only go on with an index that is there.", OWNER)] = False
    hash: options.Hash = False
    metadata: options.Metadata = False
    exclude: options.Exclude = ()
