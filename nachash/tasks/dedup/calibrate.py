"""`calibrate`: distances of random pairs beside those of copies -> which radius means what."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from PIL import Image

from nachash import codes as code
from nachash.errors import ImageError, MissingError
from nachash.images.decoding import distortions
from nachash.images.decoding.colour import rgb
from nachash.images.decoding.decode import decode
from nachash.images.sources.hosts import Hosts
from nachash.images.sources.originals import Originals
from nachash.index import writer
from nachash.index.reader import Index, open_index
from nachash.records import Progress, silent
from nachash.results.calibration import Calibration
from nachash.shapes import Int64, UInt8
from nachash.tasks.choose_index import chosen_index
from nachash.tasks.dedup.options import CalibrateSettings
from nachash.tasks.dedup.strangers import Thumbnails, copies_among, random_distances
from nachash.tasks.encoder import Encoder
from nachash.tasks.encoder import of_index as encoder_of

SAME_PHOTO_FOUND: Final = 0.99  # share of the copies that a radius should find
SIMILAR_FOUND: Final = 0.95
SAME_PHOTO_STRANGERS: Final = 0.1  # expected per query
SIMILAR_STRANGERS: Final = 10.0
_log = logging.getLogger(__name__)

FEW: Final = 200  # images; of fewer the strangers are a rough estimate


def calibrate(settings: CalibrateSettings, *, progress: Progress = silent) -> Calibration:
    """Measure an index and store the result in it.

    Raises:
        MissingError: no index, fewer than two images in it, or none can be opened any more.
        StorageError: the index cannot be written.
    """
    path = chosen_index(settings.index, changing=True)
    writer.open_for_append(path).close()  # one that cannot be written is told before the work
    rng = np.random.default_rng(settings.seed)
    with open_index(path) as index:
        if index.rows < 2:
            raise MissingError(f"{path} has {index.rows} images: calibrating takes at least two")
        if index.rows < FEW:
            _log.info("%d images are few: how many strangers meet is a rough estimate", index.rows)
        if refusal := "://" in index.root and settings.hosts.refusal(index.root):
            raise MissingError(f"pictures at {index.root} are not opened: {refusal}")
        random, near = random_distances(index.codes(), index.bits, rng)
        random -= copies_among(random, near, Thumbnails(index, settings.hosts))
        images, same, similar = _copies(index, settings, rng, progress)
        measured = recommended(index.bits, index.rows, images, random, same, similar)
    with writer.open_for_append(path) as storing:
        storing.store_calibration(measured.to_json())
    return measured


def recommended(
    bits: int,
    rows: int,
    images: int,
    random: Int64[np.ndarray, "distances"],
    same: Int64[np.ndarray, "distances"],
    similar: Int64[np.ndarray, "distances"],
) -> Calibration:
    """Counts of distances with the radii that follow from them.

    Each radius is the smallest that finds 99 % (same photo) or 95 % (similar) of the copies of its
    kind, but none at which a query meets more than 0.1 or 10 strangers on average; at least 0.
    """
    unfinished = Calibration(
        bits=bits,
        rows=rows,
        images=images,
        random=tuple(random.tolist()),
        same_photo=tuple(same.tolist()),
        similar=tuple(similar.tolist()),
        same_photo_radius=0,
        similar_radius=0,
    )
    radii = range(bits + 1)

    def radius(recall: Callable[[int], float], found: float, strangers: float) -> int:
        enough = next(r for r in radii if recall(r) >= found)
        allowed = sum(unfinished.false_positives(r) <= strangers for r in radii) - 1
        return max(0, min(enough, allowed))

    same_photo = radius(unfinished.recall, SAME_PHOTO_FOUND, SAME_PHOTO_STRANGERS)
    wider = radius(unfinished.similar_recall, SIMILAR_FOUND, SIMILAR_STRANGERS)
    return replace(unfinished, same_photo_radius=same_photo, similar_radius=max(same_photo, wider))


def _copies(
    index: Index, settings: CalibrateSettings, rng: np.random.Generator, progress: Progress
) -> tuple[int, Int64[np.ndarray, "distances"], Int64[np.ndarray, "distances"]]:
    """How many images were used, and the distances of both kinds of copies to them."""
    encoder = encoder_of(index)
    same, similar = (np.zeros(index.bits + 1, np.int64) for _ in range(2))
    used, wanted = 0, settings.images
    rows = rng.permutation(index.rows)
    for image in _opened(index, rows, settings.hosts):
        for kind, counts in ((distortions.same_photo, same), (distortions.similar, similar)):
            own, *others = _codes([image, *kind(image, rng)], encoder)
            counts += np.bincount(code.popcount(np.stack(others) ^ own), minlength=index.bits + 1)
        used += 1
        progress("copies", used, min(wanted, index.rows))
        if used == wanted:
            break
    if not used:
        raise MissingError(
            f"no image of {index.path} can be opened below {index.root}",
            f"nachash index relocate {index.root} NEW --index {index.path}",
        )
    return used, same, similar


def _opened(index: Index, rows: Int64[np.ndarray, "n"], hosts: Hosts) -> Iterator[Image.Image]:
    """Images of some rows, RGB; those that cannot be read are passed over."""
    originals = Originals(index.root)
    for row in rows:
        try:
            with originals.open(index.paths(np.array([row]))[0], hosts) as image:
                image.load()
                yield rgb(image)
        except (ImageError, OSError):
            continue


def _codes(images: Iterable[Image.Image], encoder: Encoder) -> UInt8[np.ndarray, "n bytes"]:
    return encoder.codes(np.stack([decode(image, encoder.preprocessing) for image in images]))
