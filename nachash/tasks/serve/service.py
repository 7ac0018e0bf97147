"""`serve`: an index asked by pictures, codes and ids, by many at once, while it may grow."""

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np

from nachash import __version__
from nachash import codes as code
from nachash.errors import NachashError, UsageError
from nachash.images.decoding import apart
from nachash.images.sources.hosts import NONE, Hosts
from nachash.images.thumbnail import Thumbnail
from nachash.index.reading import stamp
from nachash.records import Hits
from nachash.results.serve import Health, ServedAnswer, ServedHits, ServedSample
from nachash.shapes import UInt8
from nachash.tasks.choose_index import chosen_index
from nachash.tasks.search.nearest import Wish, filtered
from nachash.tasks.search.rows import Rows
from nachash.tasks.search.searchable import Searchable
from nachash.tasks.serve import described
from nachash.tasks.serve.batching import MOST_AT_ONCE, Batcher
from nachash.tasks.serve.thumbnails import Thumbnails
from nachash.tasks.serve.upload import pixels_of

_WATCH_SECONDS: Final = 1.0
_REST: Final = 5  # times as long as reading took, so that a growing index does not take a core
_PICTURE_SECONDS: Final = 20.0  # that a picture may take which is decoded apart


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """What `serve` needs to know; the words are those of the command line."""

    index: Path | None = None
    watch: bool = False
    most_bytes: int = 32 << 20
    most_pixels: int = 100_000_000
    most_at_once: int = MOST_AT_ONCE
    hosts: Hosts = NONE


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Codes to look up among some rows of one state of the index."""

    snapshot: Searchable
    rows: Rows
    codes: UInt8[np.ndarray, "queries bytes"]
    wish: Wish
    own_row: int | None = None


@final
class Service:
    """An open index and the threads that answer from it; `close` ends them."""

    def __init__(self, settings: ServeSettings) -> None:
        """Read the index.

        Raises:
            MissingError, DamagedError, IncompatibleError, StorageError: it cannot be read.
        """
        self.settings = settings
        self.snapshot = _ready(Searchable.of(chosen_index(settings.index)))
        self._failure: str | None = None
        self._thumbnails = Thumbnails(settings.hosts)
        self._batcher = Batcher(settings.most_at_once)
        self._ending = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="nachash-watch", daemon=True)
        if settings.watch:
            self._watcher.start()

    def close(self) -> None:
        """End the threads."""
        self._ending.set()
        if self.settings.watch:
            self._watcher.join()
        self._batcher.close()
        apart.end()  # so that nobody waits for a picture any more

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def of_picture(self, data: bytes, wish: Wish) -> Question:
        """The question that an uploaded picture asks.

        Raises:
            UploadError: it cannot be used.
            UsageError, MissingError: the filter makes no sense.
        """
        snapshot = self.snapshot
        rows = filtered(snapshot, wish.where, wish.under)
        with apart.wanted_until(self._ending, _PICTURE_SECONDS):
            pixels = pixels_of(data, snapshot.preprocessing, self.settings.most_pixels)
        return Question(snapshot, rows, code.encode(snapshot.encoder.activations(pixels)), wish)

    def of_codes(self, hexadecimal: list[str], wish: Wish) -> Question:
        """The question that codes in hex ask.

        Raises:
            UsageError: one has another length than those of the index, or is not hex.
            MissingError: the filter asks for labels that are not there.
        """
        snapshot = self.snapshot
        rows = filtered(snapshot, wish.where, wish.under)
        return Question(snapshot, rows, _codes(hexadecimal, snapshot.bits), wish)

    def of_image(self, identifier: int, wish: Wish) -> Question:
        """The question that an indexed image asks; it is not its own hit.

        Raises:
            MissingError: there is no such id.
            UsageError: the filter makes no sense.
        """
        snapshot = self.snapshot
        row = snapshot.position(identifier)
        rows = filtered(snapshot, wish.where, wish.under)
        return Question(snapshot, rows, snapshot.codes[row : row + 1], wish, row)

    def look_up(self, question: Question) -> "Future[Hits]":
        """Hits, one more of them than wished where the query is an image of the index."""
        wanted = question.wish.k + (question.own_row is not None)
        return self._batcher.submit(question.rows.engine, question.codes, wanted)

    def answers(self, question: Question, hits: Hits) -> tuple[ServedAnswer, ...]:
        """An answer for each code of a question."""
        kept = _kept(question, hits)
        return tuple(_answer(question, kept, number) for number in range(kept.queries))

    def brief(self, question: Question, hits: Hits) -> ServedHits:
        """Ids and distances for each code of a question."""
        kept = _kept(question, hits)
        rows = [kept.row(number) for number in range(kept.queries)]
        return ServedHits([ids.tolist() for _, ids in rows], [each.tolist() for each, _ in rows])

    def sample(self, count: int, where: tuple[str, ...], under: tuple[str, ...]) -> ServedSample:
        """Some of the images that a filter leaves.

        Raises:
            UsageError, MissingError: the filter makes no sense.
        """
        snapshot = self.snapshot
        rows = filtered(snapshot, where, under)
        chosen = described.images(snapshot, rows.spread(count))
        return ServedSample(snapshot.rows, rows.count, chosen)

    def tag(self, identifier: int) -> str:
        """What names the present thumbnail of an image.

        Raises:
            MissingError: there is no such id.
            ImageError: its file is not there any more.
        """
        snapshot = self.snapshot
        return self._thumbnails.tag(snapshot, snapshot.position(identifier))

    def thumbnail(self, identifier: int, tag: str) -> Thumbnail:
        """The small picture of an image whose tag was asked for.

        Raises:
            MissingError: there is no such id.
            ImageError: it cannot be opened any more.
        """
        snapshot = self.snapshot
        with apart.wanted_until(self._ending, _PICTURE_SECONDS):
            return self._thumbnails.picture(snapshot, snapshot.position(identifier), tag)

    def health(self, columns: int, lines: int) -> Health:
        """What is served, and whether the file on disk has another state."""
        snapshot, measured = self.snapshot, self.snapshot.calibration
        trouble = self.trouble(snapshot)
        return Health(
            status="stale" if trouble else "ok",
            index=described.text(str(snapshot.path)),
            images=snapshot.rows,
            bits=snapshot.bits,
            labels=tuple(snapshot.label_names or ()),
            watch=self.settings.watch,
            same_photo_radius=measured.same_photo_radius if measured else None,
            similar_radius=measured.similar_radius if measured else None,
            columns=columns,
            lines=lines,
            version=__version__,
            trouble=trouble,
        )

    def trouble(self, snapshot: Searchable) -> str | None:
        """Why a snapshot is not what the file holds now; None while it is."""
        present = stamp(snapshot.path)
        if present == snapshot.stamp:
            return None
        if not present:
            return f"{snapshot.path} is not there any more"
        if self._failure:
            return self._failure
        next_ = "it is read again" if self.settings.watch else "--watch takes changes up"
        return f"{snapshot.path} has changed since it was read; {next_}"

    def refresh(self) -> bool:
        """Take the index up as it is now; False when it has not changed or cannot be read."""
        if stamp(self.snapshot.path) == self.snapshot.stamp:
            return False
        try:
            found = _ready(Searchable.of(self.snapshot.path, self.snapshot))
        except NachashError as error:
            self._failure = error.sentence
            return False
        except Exception as error:  # noqa: BLE001 (the watcher goes on, and says why in /health)
            self._failure = f"{self.snapshot.path} cannot be read: {type(error).__name__}: {error}"
            return False
        self.snapshot, self._failure = found, None
        return True

    def _watch(self) -> None:
        pause = _WATCH_SECONDS
        while not self._ending.wait(pause):
            start = time.monotonic()
            self.refresh()
            pause = max(_WATCH_SECONDS, _REST * (time.monotonic() - start))


def _ready(snapshot: Searchable) -> Searchable:
    """A snapshot whose engine is built, so that no question waits for it."""
    _ = snapshot.unfiltered
    return snapshot


def _codes(hexadecimal: list[str], bits: int) -> UInt8[np.ndarray, "queries bytes"]:
    length = code.code_bytes(bits)
    try:
        packed = [bytes.fromhex(each) for each in hexadecimal]
    except ValueError as error:
        raise UsageError("a code is written in hexadecimal digits") from error
    for each in packed:
        if len(each) != length:
            raise UsageError(
                f"a code of {len(each)} bytes cannot be searched among codes of {bits} bits, "
                f"which have {length}",
                "use the encoder of the index",
            )
    found = np.frombuffer(b"".join(packed), np.uint8).reshape(len(packed), length)
    if not code.padding_is_zero(found, bits):
        raise UsageError(f"a code has ones after bit {bits}")
    return found


def _answer(question: Question, hits: Hits, number: int) -> ServedAnswer:
    snapshot, wish, own = question.snapshot, question.wish, question.own_row
    distances, ids = hits.row(number)
    query = question.codes[number]
    return ServedAnswer(
        code=query.tobytes().hex(),
        bits=snapshot.bits,
        images=snapshot.rows,
        searched=question.rows.count,
        hits=described.nearest(snapshot, ids, distances),
        within=_within(question, query) if wish.counts else None,
        id=None if own is None else int(snapshot.ids[own]),
        path=None if own is None else described.text(snapshot.path_of(own)),
    )


def _kept(question: Question, hits: Hits) -> Hits:
    """The wished part of hits: without the query itself, within the radius, at most k of each."""
    wish, own = question.wish, question.own_row
    kept = np.ones(len(hits.ids), bool)
    if own is not None:
        kept &= hits.ids != question.snapshot.ids[own]
    if wish.radius is not None:
        kept &= hits.distances <= wish.radius
    return hits.keep(kept).first(wish.k)


def _within(question: Question, query: UInt8[np.ndarray, "bytes"]) -> tuple[int, ...]:
    counts = question.rows.counts(query, question.snapshot.bits)
    own = question.own_row
    if own is not None and own in question.rows:
        counts[0] -= 1
    return described.within(counts)
