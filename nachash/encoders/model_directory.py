"""The model directory: written completely or not at all; docs/model-directory.md describes it."""

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from safetensors.torch import save as serialised

from nachash import model_config
from nachash.encoders import encoder as encoders
from nachash.encoders.encoder import Encoder
from nachash.encoders.weights import load_exactly
from nachash.errors import (
    DamagedError,
    ExistsError,
    IncompatibleError,
    MissingError,
    StorageError,
    UsageError,
)
from nachash.model_config import ModelConfig, unfinished

WEIGHTS: Final = model_config.WEIGHTS_FILE_NAME
GRAPH: Final = "encoder.onnx"
CHECKPOINT: Final = "checkpoint.pt"


@contextlib.contextmanager
def created(directory: Path, *, overwrite: bool = False, resume: bool = False) -> Iterator[Path]:
    """The unfinished directory, which becomes `directory` when the block ends well.

    When it does not, the unfinished directory stays if it holds a checkpoint to go on from.

    Raises:
        ExistsError: there is something already, and no leave to overwrite, or it is no model.
        MissingError: there is nothing to resume.
        StorageError: nothing can be written there, or another process writes there.
    """
    _check_free(directory, overwrite=overwrite)
    work = unfinished(directory)
    if resume and not (work / CHECKPOINT).is_file():
        raise MissingError(f"there is no interrupted run {work}", "leave out --resume")
    try:
        with _locked(work):
            try:
                if not resume:
                    _begin(work, overwrite=overwrite)
                yield work
                _move(work, directory, overwrite=overwrite)
            finally:
                if work.is_dir() and not (work / CHECKPOINT).is_file():
                    shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise _not_written(directory, error) from error


@contextlib.contextmanager
def _locked(work: Path) -> Iterator[None]:
    """One process at a time trains into a directory: the lock lies beside it and ends with it."""
    work.parent.mkdir(parents=True, exist_ok=True)
    path = work.with_name(f"{work.name}.lock")
    lock = FileLock(path, blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise StorageError(
            f"another process trains into {work} just now",
            "wait until it has ended, or name another --out",
        ) from error
    try:
        yield
    finally:
        # Still held: whoever opened the file in the meantime finds it gone and makes a new one.
        with contextlib.suppress(OSError):  # Windows removes no open file: it stays, unlocked
            path.unlink()
        lock.release()


def _begin(work: Path, *, overwrite: bool) -> None:
    """Make the unfinished directory; only one that a run left behind is ever removed."""
    # A run that was killed before its first checkpoint has left its settings only.
    left = (work / CHECKPOINT, work / model_config.SETTINGS_FILE_NAME)
    if overwrite and any(path.is_file() for path in left):
        shutil.rmtree(work)
    try:
        work.mkdir(parents=True)
    except FileExistsError as error:
        raise ExistsError(
            f"{work} is there: that run was interrupted",
            "--resume to go on with it, --overwrite to begin again, or another --out",
        ) from error


def save(
    directory: Path,
    encoder: Encoder,
    config: ModelConfig,
    graph: bytes,
) -> None:
    """Write weights, configuration and graph into an existing directory."""
    tensors = {name: tensor.contiguous() for name, tensor in encoder.state_dict().items()}
    # Plain writes: a full disk is then an OSError, whatever the libraries would make of it.
    (directory / WEIGHTS).write_bytes(serialised(tensors))
    (directory / GRAPH).write_bytes(graph)
    fingerprint = hashlib.sha256(graph).hexdigest()
    model_config.write(replace(config, encoder_sha256=fingerprint), directory)


def load(directory: Path) -> tuple[Encoder, ModelConfig]:
    """The trained encoder, in inference mode, and its configuration.

    Raises:
        MissingError: there is no model directory.
        DamagedError: its files cannot be read or are not of one model.
        IncompatibleError: a newer nachash wrote it.
    """
    config = model_config.read(directory)
    encoder = encoders.build(config)
    try:
        load_exactly(encoder, directory / WEIGHTS)
    except (IncompatibleError, MissingError) as error:
        raise DamagedError(error.sentence, "train the model again") from error
    return encoder.eval(), config


def _check_free(directory: Path, *, overwrite: bool) -> None:
    if not directory.exists() and not directory.is_symlink():
        return
    if not overwrite:
        raise ExistsError(f"{directory} exists already", "--overwrite, or another --out")
    if directory.is_symlink() or not directory.is_dir():
        raise UsageError(f"{directory} is not a directory", "name another --out")
    if any(directory.iterdir()) and not (directory / model_config.FILE_NAME).is_file():
        raise ExistsError(f"{directory} holds something else than a model", "name another --out")


def _move(temporary: Path, directory: Path, *, overwrite: bool) -> None:
    # Looked at again: another run may have taken the name while this one trained.
    _check_free(directory, overwrite=overwrite)
    if not directory.exists():
        temporary.rename(directory)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{directory.name}.old.", dir=directory.parent))
    directory.rename(old)
    temporary.rename(directory)
    shutil.rmtree(old, ignore_errors=True)


def _not_written(directory: Path, error: OSError) -> StorageError:
    return StorageError(f"{directory} cannot be written: {error.strerror or error}")
