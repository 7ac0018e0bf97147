"""The folder that a run of `vae` writes as it goes: what was reached is there when it stops."""

import itertools
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from nachash.errors import ExistsError, StorageError, UsageError
from nachash.records import to_json
from nachash.results.vae import VaeComparison, VaeEpoch
from nachash.tasks.model import LATEST

STARTS: Final = "starts.jsonl"
EPOCHS: Final = "epochs.jsonl"
CURVES: Final = "curves.png"
PICTURES: Final = "pictures.png"
_STATE: Final = re.compile(r"\d+-.+\.pt")


def free_name(data: str) -> Path:
    """`runs/<data>-vae`, with -2, -3 ... when that exists."""
    numbered = (LATEST.with_name(f"{data}-vae-{number}") for number in itertools.count(2))
    paths = itertools.chain([LATEST.with_name(f"{data}-vae")], numbered)
    return next(path for path in paths if not path.exists())


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuse a folder that is there, unless it may be replaced and holds a run and nothing else.

    Raises:
        ExistsError, UsageError: it cannot be written to.
    """
    if not path.exists() and not path.is_symlink():
        return
    if not path.is_dir():
        raise UsageError(f"{path} is not a directory", "name another --out")
    if any(path.iterdir()) and not overwrite:
        raise ExistsError(f"{path} exists already", "--overwrite, or another --out")
    others = [file.name for file in path.iterdir() if not _ours(file)]
    if others:
        raise ExistsError(
            f"{path} holds something else than a run of vae: {others[0]}", "name another --out"
        )


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The folder of one run."""

    path: Path

    @classmethod
    def begun(cls, path: Path, *, overwrite: bool) -> "RunDirectory":
        """The folder, empty; an earlier run in it is removed.

        Raises:
            ExistsError, UsageError: as `check_free`.
            StorageError: nothing can be written there.
        """
        check_free(path, overwrite=overwrite)
        try:
            path.mkdir(parents=True, exist_ok=True)
            for file in path.iterdir():
                file.unlink()
        except OSError as error:
            raise _not_written(path, error) from error
        return cls(path)

    def state(self, number: int, init: str) -> Path:
        """Where the weights of a start lie."""
        return self.path / f"{number}-{Path(init).resolve().name or 'start'}.pt"

    def keep(self, state: Path, tensors: Mapping[str, Any], epoch: int) -> None:
        """Replace the state of a start.

        Raises:
            StorageError: it cannot be written; the one before is kept.
        """
        from nachash.training import checkpoint

        checkpoint.write(state, {"epoch": epoch, "autoencoder": dict(tensors)})

    def note_epoch(self, number: int, init: str, epoch: VaeEpoch) -> None:
        """Add a point of the curves."""
        line = to_json({"start": number, "init": init, **asdict(epoch)})
        try:
            with (self.path / EPOCHS).open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise _not_written(self.path, error) from error

    def note_starts(self, comparison: VaeComparison) -> None:
        """Write down the starts that are finished."""
        text = "".join(f"{line}\n" for line in comparison.json_lines())
        try:
            (self.path / STARTS).write_text(text, encoding="utf-8")
        except OSError as error:
            raise _not_written(self.path, error) from error


def _ours(file: Path) -> bool:
    known = (STARTS, EPOCHS, CURVES, PICTURES)
    return file.is_file() and (file.name in known or _STATE.fullmatch(file.name) is not None)


def _not_written(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path} cannot be written: {error.strerror or error}")
