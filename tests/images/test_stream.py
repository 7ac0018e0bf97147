import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import contents, gradient

from nachash.images.sources import arrays, folder
from nachash.images.stream import batches
from nachash.records import Preprocessing


def numbered(count):
    """Images whose pixels say which they are."""
    pixels = np.arange(count, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2)
    return arrays.source(pixels, [f"{number:03d}" for number in range(count)])


def decoding_threads():
    return [each for each in threading.enumerate() if each.name.startswith("nachash-decode")]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 200), st.integers(1, 150), st.integers(0, 3))
def test_every_image_comes_once_and_in_order(count, batch_size, workers):
    source = numbered(count)

    found = list(batches(source, Preprocessing(4), batch_size=batch_size, workers=workers))

    assert [len(batch.references) for batch in found[:-1]] == [batch_size] * (len(found) - 1)
    assert [each for batch in found for each in batch.references] == list(source.references)
    values = [int(value) for batch in found for value in batch.pixels[:, 0, 0, 0]]
    assert values == list(range(count))
    assert not decoding_threads()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_bad_image_is_set_aside_and_the_others_keep_their_order(tmp_path, workers):
    for number in range(9):
        good = contents(gradient(5, 5), "PNG") if number in (0, 4, 8) else b"a text"
        (tmp_path / f"{number}.png").write_bytes(good)

    found = list(
        batches(folder.source(str(tmp_path)), Preprocessing(5), batch_size=3, workers=workers)
    )

    assert [[r.path for r in batch.references] for batch in found] == [
        ["0.png"],
        ["4.png"],
        ["8.png"],
    ]
    assert [batch.pixels.shape for batch in found] == [(1, 5, 5, 3)] * 3
    assert [s.path for batch in found for s in batch.skipped] == [
        "1.png", "2.png", "3.png", "5.png", "6.png", "7.png",
    ]  # fmt: skip
    assert {s.reason for batch in found for s in batch.skipped} == {"not an image"}


def test_a_batch_of_only_bad_images_has_no_rows(tmp_path):
    for name in "abcd":
        (tmp_path / f"{name}.jpg").write_bytes(b"")

    found = list(batches(folder.source(str(tmp_path)), Preprocessing(7), batch_size=2, workers=1))

    assert [batch.pixels.shape for batch in found] == [(0, 7, 7, 3)] * 2
    assert [len(batch.skipped) for batch in found] == [2, 2]


def test_an_image_that_vanishes_while_the_source_is_read_is_set_aside(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(contents(gradient(5, 5), "PNG"))
    source = folder.source(str(tmp_path))
    (tmp_path / "a.png").unlink()

    (batch,) = batches(source, Preprocessing(5), batch_size=9, workers=2)

    assert [(each.path, each.reason) for each in batch.skipped] == [
        ("a.png", "no such file or directory")
    ]
    assert len(batch.pixels) == 1


class Counting:
    """A source that counts how often it is asked."""

    def __init__(self, source, error=None):
        self.root, self.references, self.skipped = source.root, source.references, source.skipped
        self.source, self.opened, self.error = source, 0, error

    def open(self, reference):
        self.opened += 1
        if self.error and reference.path == "100":
            raise self.error
        return self.source.open(reference)


@pytest.mark.parametrize("workers", [0, 2])
def test_only_a_few_batches_are_decoded_ahead_and_closing_stops_the_threads(workers):
    source = Counting(numbered(250))
    stream = batches(source, Preprocessing(4), batch_size=10, workers=workers)

    next(stream)
    stream.close()

    assert source.opened <= 50
    assert not decoding_threads()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("a bug")])
def test_what_is_no_fault_of_an_image_ends_the_stream_and_its_threads(error):
    source = Counting(numbered(250), error)

    with pytest.raises(type(error)):
        list(batches(source, Preprocessing(4), batch_size=8, workers=2))

    assert source.opened < 250
    assert not decoding_threads()
