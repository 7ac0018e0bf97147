import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import contents, gradient
from PIL import Image, ImageCms, ImageOps

from nachash.errors import ImageError
from nachash.images.decoding.colour import eight_bits, rgb
from nachash.images.decoding.decode import decode
from nachash.images.decoding.formats import opened
from nachash.images.decoding.quiet import quiet
from nachash.records import Preprocessing

IDENTITY = Preprocessing(16)


def colour(image, size=4):
    """The pixel in the middle, and a check that all are alike."""
    pixels = decode(image, Preprocessing(size)).reshape(-1, 3)
    assert (pixels == pixels[0]).all()
    return tuple(pixels[0].tolist())


def test_an_image_of_the_right_size_is_not_changed():
    image = gradient(16, 16)

    np.testing.assert_array_equal(decode(image, IDENTITY), np.asarray(image))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(0, 30), st.booleans(), st.integers(1, 40))
def test_the_centre_square_is_cut_out_and_then_resized(side, margin, upright, size):
    wide = side + 2 * margin
    image = gradient(side, wide) if upright else gradient(wide, side)
    left, top = (0, margin) if upright else (margin, 0)
    square = image.crop((left, top, left + side, top + side))
    expected = square.resize((size, size), Image.Resampling.BICUBIC)

    np.testing.assert_array_equal(decode(image, Preprocessing(size)), np.asarray(expected))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40))
def test_the_square_is_centred_exactly_so_that_a_mirrored_image_gives_mirrored_pixels(
    width, height, size
):
    image = gradient(width, height)

    pixels = decode(image, Preprocessing(size)).astype(int)
    mirrored = decode(image.transpose(Image.Transpose.ROTATE_180), Preprocessing(size)).astype(int)

    assert np.abs(pixels - mirrored[::-1, ::-1]).max() <= 1


@pytest.mark.parametrize("size", [(1, 100_000), (100_000, 1), (1, 1), (2, 1)])
def test_thin_and_tiny_images_cost_no_more_than_their_square(size):
    image = Image.new("RGB", size, (10, 20, 30))

    assert colour(image, 32) == (10, 20, 30)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_an_image_is_turned_as_its_exif_says(orientation, form):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = contents(gradient(60, 40), form, exif=exif)
    upright = ImageOps.exif_transpose(opened(data)).convert("RGB")
    x, y = (upright.width - 40) // 2, (upright.height - 40) // 2
    expected = upright.crop((x, y, x + 40, y + 40)).resize((16, 16), Image.Resampling.BICUBIC)

    pixels = decode(opened(data), IDENTITY)

    assert np.abs(pixels.astype(int) - np.asarray(expected).astype(int)).max() <= 2


@pytest.mark.parametrize(("width", "height"), [(400, 300), (301, 407), (1001, 999)])
def test_a_jpeg_decoded_at_a_smaller_scale_looks_the_same(width, height):
    data = contents(gradient(width, height), "JPEG", quality=95)

    full = decode(opened(data), Preprocessing(32, jpeg_margin=0)).astype(int)
    scaled = decode(opened(data), Preprocessing(32, jpeg_margin=2)).astype(int)

    assert np.abs(full - scaled).max() <= 4


def test_a_jpeg_is_never_decoded_below_its_margin():
    image = opened(contents(gradient(255, 400), "JPEG"))

    decode(image, Preprocessing(32, jpeg_margin=2))

    assert image.size == (128, 200)


def test_a_jpeg_turned_by_exif_keeps_its_margin():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = opened(contents(gradient(640, 256), "JPEG", exif=exif))

    pixels = decode(image, Preprocessing(32, jpeg_margin=2))

    assert image.size == (160, 64)
    assert pixels[0, 0, 1] < pixels[0, -1, 1]  # green fell downwards, now it falls to the left


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"])
def test_an_image_with_damaged_exif_counts_as_upright(exif):
    data = contents(gradient(16, 16), "PNG", exif=exif)

    np.testing.assert_array_equal(decode(opened(data), IDENTITY), np.asarray(gradient(16, 16)))


def test_one_bit_and_grey_become_rgb():
    assert colour(Image.new("1", (9, 9), 1)) == (255, 255, 255)
    assert colour(Image.new("L", (9, 9), 77)) == (77, 77, 77)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "PPM"])
@pytest.mark.parametrize(("value", "grey"), [(0, 0), (257, 1), (0x8080, 0x80), (65535, 255)])
def test_sixteen_bits_are_scaled_and_not_clipped(form, value, grey):
    image = Image.fromarray(np.full((9, 9), value, np.uint16))

    assert colour(opened(contents(image, form))) == (grey, grey, grey)


def test_sixteen_bits_of_either_byte_order_are_read():
    values = np.full((9, 9), 0x8080, np.uint16)
    big = Image.frombytes("I;16B", (9, 9), values.astype(">u2").tobytes())

    assert colour(big) == (128, 128, 128)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.0, 0.5, 1.0], [0, 128, 255]), ([0.0, 100.0, 255.0], [0, 100, 255])],
)
def test_floats_are_taken_up_to_the_next_usual_white(values, expected):
    image = Image.fromarray(np.array([values], np.float32))

    assert np.asarray(rgb(image))[0, :, 0].tolist() == expected


def test_values_of_no_usual_range_are_stretched():
    values = np.array([[-10.0, 0.0, 10.0, np.nan, np.inf]])

    assert eight_bits(values, (1.0,)).tolist() == [[0, 128, 255, 128, 128]]
    assert eight_bits(np.array([[1e9, 3e9]]), (65535.0,)).tolist() == [[0, 255]]
    assert eight_bits(np.array([[-5.0, -5.0]]), (1.0,)).tolist() == [[0, 0]]


def test_transparency_of_every_kind_is_laid_on_white():
    palette = Image.new("P", (9, 9), 1)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    half_black = Image.new("RGBA", (9, 9), (0, 0, 0, 128))

    assert colour(Image.new("LA", (9, 9), (0, 0))) == (255, 255, 255)
    assert colour(Image.new("RGBA", (9, 9), (0, 0, 0, 0))) == (255, 255, 255)
    assert colour(half_black) == (127, 127, 127)
    assert colour(opened(contents(palette, "PNG"))) == (0, 0, 255)
    assert colour(opened(contents(palette, "PNG", transparency=1))) == (255, 255, 255)
    assert colour(opened(contents(palette, "GIF", transparency=1))) == (255, 255, 255)
    with_table = contents(palette, "PNG", transparency=bytes([255, 0]))
    assert colour(opened(with_table)) == (255, 255, 255)
    grey = Image.new("L", (9, 9), 5)
    assert colour(opened(contents(grey, "PNG", transparency=5))) == (255, 255, 255)


def test_sixteen_bits_with_a_transparent_value_are_read():
    image = Image.fromarray(np.full((9, 9), 0x8080, np.uint16))

    assert colour(opened(contents(image, "PNG", transparency=3))) == (128, 128, 128)


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(form):
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))

    red, green, blue = colour(opened(contents(image, form)))

    assert red > 230
    assert max(green, blue) < 40


def test_lab_becomes_rgb_by_its_profile():
    lab = ImageCms.createProfile("LAB")
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), lab, "RGB", "LAB")
    image = ImageCms.applyTransform(Image.new("RGB", (16, 16), (200, 50, 30)), to_lab)

    found = colour(opened(contents(image, "TIFF")))

    assert np.abs(np.subtract(found, (200, 50, 30))).max() <= 4


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame_counts(form):
    frames = [Image.new("RGB", (16, 16), name) for name in ("blue", "red", "lime")]
    data = contents(frames[0], form, save_all=True, append_images=frames[1:])

    blue = decode(opened(data), Preprocessing(4))[0, 0]

    assert blue[2] > 240
    assert blue[:2].max() < 15


def test_too_many_pixels_are_refused_before_they_are_decoded():
    class Huge(Image.Image):
        size = (50_000, 50_000)

        def load(self):
            raise AssertionError("decoded")

    with pytest.raises(ImageError, match=r"^too many pixels: 50000 x 50000$"):
        decode(Huge(), IDENTITY)


@pytest.mark.parametrize("error", [MemoryError(), SyntaxError("broken PNG file"), EOFError()])
def test_whatever_goes_wrong_inside_is_an_image_error(error):
    class Broken(Image.Image):
        size = (10, 10)

        def load(self):
            raise error

    with pytest.raises(ImageError):
        decode(Broken(), IDENTITY)


def test_warnings_of_pillow_are_silent_only_inside():
    before = list(warnings.filters)
    with quiet:
        with quiet:
            warnings.warn_explicit("odd", UserWarning, "file.py", 1, module="PIL.TiffImagePlugin")
        warnings.warn_explicit("odd", UserWarning, "file.py", 1, module="PIL.TiffImagePlugin")

        with pytest.raises(UserWarning):
            warnings.warn_explicit("ours", UserWarning, "file.py", 1, module="nachash.codes")
    assert list(warnings.filters) == before
