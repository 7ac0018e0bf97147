"""The preview in a camera's raw file, of a DNG that is written here tag by tag."""

import io
import struct

import numpy as np
import pytest
from pictures import gradient
from PIL import Image

from nachash.errors import ImageError
from nachash.images.decoding import formats
from nachash.images.decoding.decode import decode
from nachash.images.decoding.header import header
from nachash.images.decoding.raw import is_raw
from nachash.records import Preprocessing

PARTS, PREVIEW = 2000, 4000  # where they stand in the file
SENSOR = (800, 600)
FORMS = {1: "B", 3: "H", 4: "I"}


def directory(place, tags):
    """A directory of TIFF: numbers of a type, or bytes as they are, by tag."""
    entries, more = struct.pack("<H", len(tags)), b""
    behind = place + 2 + 12 * len(tags) + 4
    for tag, (kind, *values) in sorted(tags.items()):
        data = b"".join(each if isinstance(each, bytes) else number(kind, each) for each in values)
        count = len(data) // {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 10: 8}[kind]
        entries += struct.pack("<HHI", tag, kind, count)
        entries += data.ljust(4, b"\0") if len(data) <= 4 else struct.pack("<I", behind + len(more))
        more += data + bytes(len(data) % 2) if len(data) > 4 else b""
    return entries + bytes(4) + more


def number(kind, value):
    if kind in (5, 10):
        return struct.pack("<ii", round(value * 10_000), 10_000)
    return struct.pack("<" + FORMS[kind], value)


def dng(picture, preview, orientation=1):
    """A raw file whose preview is of that size, and whose sensor has 800 x 600 pixels."""
    data = io.BytesIO()
    picture.resize(preview).save(data, "JPEG", quality=95)
    jpeg = data.getvalue() + bytes(data.tell() % 2)
    sensor = np.asarray(picture.convert("L").resize(SENSOR)).astype("<u2") * 16
    width, height = SENSOR
    first = {
        254: (4, 1), 256: (4, preview[0]), 257: (4, preview[1]), 258: (3, 8, 8, 8), 259: (3, 7),
        262: (3, 6), 271: (2, b"Test\0"), 272: (2, b"Camera\0"), 273: (4, PREVIEW),
        274: (3, orientation), 277: (3, 3), 278: (4, preview[1]), 279: (4, len(jpeg)),
        330: (4, PARTS), 50706: (1, 1, 4, 0, 0), 50707: (1, 1, 1, 0, 0),
        50708: (2, b"Test Camera\0"), 50721: (10, 1, 0, 0, 0, 1, 0, 0, 0, 1), 50728: (5, 1, 1, 1),
        50778: (3, 21),
    }  # fmt: skip
    second = {
        254: (4, 0), 256: (4, width), 257: (4, height), 258: (3, 16), 259: (3, 1),
        262: (3, 32803), 273: (4, PREVIEW + len(jpeg)), 277: (3, 1), 278: (4, height),
        279: (4, 2 * width * height), 33421: (3, 2, 2), 33422: (1, 0, 1, 1, 2), 50717: (4, 4095),
    }  # fmt: skip
    head = (b"II*\0" + struct.pack("<I", 8) + directory(8, first)).ljust(PARTS, b"\0")
    return (head + directory(PARTS, second)).ljust(PREVIEW, b"\0") + jpeg + sensor.tobytes()


def test_a_dng_is_told_from_other_tiffs():
    tiff = io.BytesIO()
    gradient(20, 10).save(tiff, "TIFF")

    assert is_raw(dng(gradient(60, 40), (160, 120)))
    assert not is_raw(tiff.getvalue())
    assert formats.has_image_signature(b"\0\0\0\x18ftypcrx \0\0\0\1")


def test_the_preview_is_the_picture():
    pytest.importorskip("rawpy")
    image = formats.opened(dng(gradient(60, 40), (1200, 800)))

    seen = decode(image, Preprocessing(32)).astype(int)

    assert header(image) == (1200, 800, True, True)
    assert np.abs(seen - decode(gradient(60, 40), Preprocessing(32))).mean() < 4


def test_the_preview_is_upright():
    pytest.importorskip("rawpy")
    lying = gradient(60, 40).transpose(Image.Transpose.ROTATE_90)
    image = formats.opened(dng(lying, (800, 1200), orientation=6))

    assert header(image)[:2] == (1200, 800)


def test_a_thumbnail_is_no_picture():
    pytest.importorskip("rawpy")

    with pytest.raises(ImageError, match="a preview of only 160 x 120 pixels"):
        decode(formats.opened(dng(gradient(60, 40), (160, 120))), Preprocessing(32))
