"""Size and time of exposure as a person sees them, whatever decoding does to the picture."""

import datetime as dt

import numpy as np
import pytest
from pictures import contents, exif, gradient
from PIL import Image

from nachash.images import stream
from nachash.images.decoding.decode import decode
from nachash.images.decoding.exif import facts
from nachash.images.decoding.formats import opened
from nachash.images.sources import folder
from nachash.records import Preprocessing
from nachash.results.index import UNKNOWN_TIME

NOON = int(dt.datetime(2023, 5, 1, 12, tzinfo=dt.UTC).timestamp())


def seen(data, size=8):
    image = opened(data)
    whole = image.size
    decode(image, Preprocessing(size))
    return facts(image, whole)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize(("orientation", "size"), [(1, (60, 40)), (3, (60, 40)), (6, (40, 60))])
def test_the_size_is_that_of_the_upright_picture(form, orientation, size):
    data = contents(gradient(60, 40), form, exif=exif("2023:05:01 12:00:00", orientation))

    assert seen(data) == (*size, NOON)


def test_a_photo_that_is_shrunk_while_it_is_decoded_keeps_its_size():
    data = contents(gradient(640, 480), "JPEG", exif=exif("2023:05:01 12:00:00", 8))

    assert seen(data) == (480, 640, NOON)


@pytest.mark.parametrize(
    "taken",
    [None, "", "0000:00:00 00:00:00", "2023-05-01", "2023:13:01 12:00:00", "    :  :     :  :  "],
)
def test_a_picture_that_does_not_say_when_has_no_time(taken):
    assert seen(contents(gradient(9, 9), "JPEG", exif=exif(taken))).taken == UNKNOWN_TIME


def test_the_time_of_a_scan_counts_where_there_is_no_other():
    scanned = Image.Exif()
    scanned[0x8769] = {0x9004: "2023:05:01 12:00:00"}
    scanned[0x0132] = "2024:01:01 00:00:00"  # when it was edited is not when it was taken

    assert seen(contents(gradient(9, 9), "JPEG", exif=scanned)).taken == NOON


def test_a_damaged_exif_is_no_time_and_no_error():
    data = contents(gradient(9, 9), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff")

    assert seen(data) == (9, 9, UNKNOWN_TIME)


@pytest.mark.parametrize("workers", [0, 3])
def test_facts_stand_beside_their_pictures(tmp_path, workers):
    for number in range(20):
        path = tmp_path / f"{number:02}.png"
        Image.new("RGB", (number + 1, 5)).save(path)
        if number % 7 == 3:
            path.write_bytes(path.read_bytes()[:40])

    source = folder.source(str(tmp_path))
    settings = {"batch_size": 8, "workers": workers}
    found = list(stream.batches(source, Preprocessing(4), **settings, with_facts=True))
    without = list(stream.batches(source, Preprocessing(4), **settings))

    for batch in found:
        assert [f"{each.width - 1:02}.png" for each in batch.facts] == [
            reference.path for reference in batch.references
        ]
    assert np.concatenate([batch.pixels for batch in found]).shape == (17, 4, 4, 3)
    assert all(batch.facts == () for batch in without)
