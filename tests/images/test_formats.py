import contextlib
import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import SIZE_8, contents, gradient
from PIL import Image

from nachash.errors import ImageError
from nachash.images.decoding.decode import decode
from nachash.images.decoding.formats import (
    has_image_signature,
    has_image_suffix,
    opened,
)
from nachash.images.limits import MAX_PIXELS

FORMS = ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF"]


def png_of_size(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


@pytest.mark.parametrize("form", FORMS)
def test_every_format_is_recognised_by_its_first_bytes_and_opened(form):
    data = contents(gradient(20, 10), form)

    assert has_image_signature(data[:16])
    assert opened(data).size == (20, 10)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty file"),
        (b"hello, this is a text named .jpg", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not an image"),
        (png_of_size(50_000, 50_000), "too many pixels: 50000 x 50000"),
    ],
)
def test_what_cannot_be_opened_says_why(data, why):
    with pytest.raises(ImageError) as caught:
        opened(data)

    assert caught.value.sentence == why


def test_a_bomb_between_pillows_warning_and_our_cap_is_opened_without_a_warning():
    width = 12_000
    assert Image.MAX_IMAGE_PIXELS is not None
    assert Image.MAX_IMAGE_PIXELS < width * width <= MAX_PIXELS

    assert opened(png_of_size(width, width)).size == (width, width)


@pytest.mark.parametrize("form", FORMS)
def test_an_image_cut_off_anywhere_is_decoded_or_refused_and_nothing_else(form):
    data = contents(gradient(40, 30), form)
    outcomes = set()
    for length in range(0, len(data), max(1, len(data) // 60)):
        try:
            outcomes.add(decode(opened(data[:length]), SIZE_8).shape)
        except ImageError as error:
            outcomes.add("refused" if 0 < len(error.sentence) <= 120 else error.sentence)

    assert "refused" in outcomes
    assert outcomes <= {"refused", (8, 8, 3)}


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_half_an_image_is_called_truncated(form):
    data = contents(gradient(64, 64), form)

    with pytest.raises(ImageError, match=r"^truncated$"):
        decode(opened(data[: len(data) // 2]), SIZE_8)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(FORMS), st.data())
def test_a_damaged_image_is_decoded_or_refused_and_nothing_else(form, data):
    image = bytearray(contents(gradient(16, 16), form))
    places = st.integers(0, len(image) - 1)
    for place, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=20)):
        image[place] = byte

    with contextlib.suppress(ImageError):
        assert decode(opened(bytes(image)), SIZE_8).shape == (8, 8, 3)


def test_a_suffix_is_enough_for_an_image_and_case_does_not_matter():
    assert has_image_suffix("a/b.JPeG")
    assert not has_image_suffix("a.jpg/b")
    assert not has_image_suffix("notes.txt")


def test_a_text_that_begins_like_a_bitmap_is_not_taken_for_one():
    assert not has_image_signature(b"BMW drives home.")


def test_a_jpeg_with_several_pictures_gives_its_first():
    first, second = gradient(32, 32), Image.new("RGB", (32, 32), "red")
    buffer = io.BytesIO()
    first.save(buffer, "MPO", save_all=True, append_images=[second])

    pixels = decode(opened(buffer.getvalue()), SIZE_8)

    assert pixels[0, 0, 1] > 200
