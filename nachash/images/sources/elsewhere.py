"""One image at a URL; a server that did not answer is not asked again for a minute.

A page of pictures asks for many of one place, and each would wait as long as the first.
"""

import threading
import time
from typing import Final

from PIL import Image

from nachash.errors import ImageError, NachashError
from nachash.images.sources import remote, tar
from nachash.images.sources.hosts import Hosts
from nachash.images.sources.selection import FileSource
from nachash.records import Reference

_ARCHIVES: Final = (".zip", *tar.SUFFIXES)
_SILENCE: Final = 60.0  # seconds
_KEPT: Final = 4  # archives that were fetched

_fetching = threading.Lock()
_silent: dict[str, float] = {}
_fetched: dict[str, tuple[FileSource, dict[str, Reference]]] = {}


def opened(url: str, hosts: Hosts) -> Image.Image:
    """The image at a URL, which may lead on into an archive: `https://host/photos.zip/cat/1.jpg`.

    Raises:
        ImageError: its host was not named, it is not there, cannot be opened, or nobody answers.
    """
    hosts.require(url)
    archive, member = _split(url)
    place = archive or "/".join(url.split("/", 3)[:3])
    if time.monotonic() - _silent.get(place, -_SILENCE) < _SILENCE:
        raise ImageError(f"{place} did not answer")
    try:
        return _member(archive, member, hosts) if archive else remote.single(url, hosts)
    except remote.UnreachableError:
        _silent[place] = time.monotonic()
        raise
    except ImageError:
        raise
    except NachashError as error:  # no archive, or a kind of URL that is not read
        _silent[place] = time.monotonic()
        raise ImageError(error.sentence) from error


def _split(url: str) -> tuple[str, str]:
    """The archive that a URL leads into, and the name in it; empty where there is none."""
    parts = url.split("/")
    for end in range(4, len(parts)):
        if parts[end - 1].lower().endswith(_ARCHIVES):
            return "/".join(parts[:end]), "/".join(parts[end:])
    return "", ""


def _member(archive: str, name: str, hosts: Hosts) -> Image.Image:
    """An image of an archive, which is fetched once."""
    with _fetching:
        if archive not in _fetched:
            while len(_fetched) >= _KEPT:
                del _fetched[next(iter(_fetched))]
            listed = remote.source(archive, hosts)
            _fetched[archive] = listed, {each.path: each for each in listed.references}
        images, references = _fetched[archive]
    if name not in references:
        raise ImageError(f"not found in {archive}")
    return images.open(references[name])
