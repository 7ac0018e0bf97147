"""Which index a command works on when none is named."""

import logging
import os
from pathlib import Path

from nachash.errors import MissingError
from nachash.own_folders import state_folder

SUFFIXES = (".h5", ".hdf5")

_log = logging.getLogger(__name__)


def named_index(given: Path | None, why: str) -> Path:
    """The index that the user named, by an argument or `$NACHASH_INDEX`; never one that is guessed.

    Raises:
        MissingError: none was named; `why` says in the sentence what depends on it.
    """
    found = (given, "") if given is not None else _from_environment()
    if found is None:
        raise MissingError(f"{why}, so the index or folder has to be named", "name it, as out.h5")
    return found[0]


def chosen_index(given: Path | None, *, changing: bool = False) -> Path:
    """The index to use: as given, `$NACHASH_INDEX`, the only one here, or the one written last.

    A choice that the user did not spell out is logged, in one sentence. `changing`: the
    index will be changed, so that one that lies elsewhere has to be named.

    Raises:
        MissingError: there is none to choose, or several are here and none was written last.
    """
    if given is not None:
        return given
    last = None if changing else _written_last
    path, reason = _from_environment() or _only_one_here() or (last and last()) or (None, "")
    if path is None and changing:
        raise MissingError(_nothing_to_choose(changing=True), "name the index with --index")
    if path is None:
        raise MissingError(_nothing_to_choose(), "nachash encode ./images out.h5")
    _log.info("index: %s (%s)", path, reason)
    return path


def remember(index: Path) -> None:
    """Note `index` as the one written last; a state folder that cannot be written is no error."""
    if (memory := _memory()) is None:
        return
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(str(index.resolve()), encoding="utf-8")
    except OSError:
        return


def _from_environment() -> tuple[Path, str] | None:
    value = os.environ.get("NACHASH_INDEX")
    return (Path(value), "$NACHASH_INDEX") if value else None


def _only_one_here() -> tuple[Path, str] | None:
    found = _indexes_here()
    return (found[0], "the only index in this directory") if len(found) == 1 else None


def _indexes_here() -> list[Path]:
    candidates = sorted(path for path in Path().iterdir() if path.suffix.lower() in SUFFIXES)
    return [path for path in candidates if _is_index(path)]


def _is_index(path: Path) -> bool:
    from nachash.index.storage.opening import looks_like_an_index

    return looks_like_an_index(path)


def _written_last() -> tuple[Path, str] | None:
    if (memory := _memory()) is None:
        return None
    try:
        path = Path(memory.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return (path, "the index written last") if path.is_file() else None


def _memory() -> Path | None:
    folder = state_folder()
    return folder / "last-index" if folder else None


def _nothing_to_choose(*, changing: bool = False) -> str:
    here = ", ".join(str(path) for path in _indexes_here())
    if here:
        return f"several indexes are in this directory ({here}): name one with --index"
    if changing:
        return "there is no index in this directory, and one elsewhere is changed only by its name"
    return "there is no index in this directory, and none was written before"
