"""Large pictures in bands give the very pixels of the whole at once."""

import numpy as np
import pytest
from pictures import gradient
from PIL import Image

from nachash.images.decoding import bands
from nachash.images.decoding.colour import rgb
from nachash.images.decoding.decode import decode
from nachash.records import Preprocessing

MODES = ["RGB", "L", "1", "P", "CMYK", "YCbCr", "LA", "PA", "RGBA", "RGBa", "LAB", "I;16", "I", "F"]


def of_mode(mode, width=97, height=61):
    rng = np.random.default_rng(0)
    if mode in ("I;16", "I", "F"):
        dtype = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        values = rng.integers(0, 60_000, (height, width)).astype(dtype)
        if mode == "F":
            values[0, 0] = np.nan
        return Image.fromarray(values)
    image = Image.fromarray(rng.integers(0, 256, (height, width, 4)).astype(np.uint8), "RGBA")
    if mode == "LAB":
        return Image.frombytes("LAB", (width, height), image.convert("RGB").tobytes())
    return image.convert("LA").convert("PA") if mode == "PA" else image.convert(mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(97, 61), (61, 97), (64, 64), (33, 40)])
@pytest.mark.parametrize("resampling", ["bicubic", "box", "lanczos"])
def test_the_square_of_a_large_picture_is_that_of_a_small_one(monkeypatch, mode, size, resampling):
    image, preprocessing = of_mode(mode, *size), Preprocessing(32, resampling)
    expected = decode(image, preprocessing)

    monkeypatch.setattr(bands, "is_large", lambda _: True)
    monkeypatch.setattr(bands, "BAND", 256)

    np.testing.assert_array_equal(decode(image, preprocessing), expected)


def test_transparency_in_a_palette_is_laid_on_white_in_each_band(monkeypatch):
    image = of_mode("P")
    image.info["transparency"] = 3
    expected = decode(image, Preprocessing(32))
    monkeypatch.setattr(bands, "is_large", lambda _: True)
    monkeypatch.setattr(bands, "BAND", 256)

    np.testing.assert_array_equal(decode(image, Preprocessing(32)), expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("factor", [1, 2, 3, 7, 50])
def test_a_picture_reduced_in_bands_is_the_whole_one_reduced(monkeypatch, mode, factor):
    image = of_mode(mode)
    monkeypatch.setattr(bands, "BAND", 128)

    found = bands.reduced(image, factor)

    np.testing.assert_array_equal(np.asarray(found), np.asarray(rgb(image).reduce(factor)))


def test_grey_of_sixteen_bits_has_one_white_in_all_bands(monkeypatch):
    values = np.zeros((40, 40), np.int32)
    values[0], values[-1] = -100, 100_000
    expected = np.asarray(rgb(Image.fromarray(values)))
    monkeypatch.setattr("nachash.images.decoding.colour._AT_ONCE", 80)

    np.testing.assert_array_equal(np.asarray(rgb(Image.fromarray(values))), expected)
    assert set(np.unique(expected)) == {0, 255}


def test_a_picture_is_large_by_its_pixels():
    assert not bands.is_large(gradient(100, 100))
    assert bands.is_large(Image.new("1", (4097, 1024)))
