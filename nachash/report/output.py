"""Files that a command writes beside its result: refused before the work, never replaced."""

from pathlib import Path

from nachash.errors import ExistsError, MissingError, StorageError, UsageError


def check_writable(path: Path, *, overwrite: bool) -> None:
    """Refuse an output that could not be written, before the work for it is done.

    Raises:
        ExistsError: the file exists and `overwrite` is false.
        MissingError: its folder does not exist.
        UsageError: it is a folder.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder, not a file")
    if not path.parent.is_dir():
        raise MissingError(f"the folder {path.parent} does not exist", f"mkdir -p {path.parent}")
    if path.exists() and not overwrite:
        raise ExistsError(f"{path} exists already", "add --overwrite to replace it")


def write(path: Path, text: str) -> None:
    """Write a text; bytes of names that are no valid text stay as they are.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
