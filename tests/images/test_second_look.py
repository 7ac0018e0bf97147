"""The second look knows copies of a photograph from other pictures, however alike they are."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps
from sklearn.datasets import load_sample_images

from nachash.errors import ImageError
from nachash.images.second_look.agreement import compare
from nachash.images.second_look.alignment import coarse_box, refined
from nachash.images.second_look.view import View

WORDS = (  # noqa: SIM905 (readable)
    "the a market river council results quarter profit loss patient invoice number street "
    "delivery error kernel module train station weather report winter tax office copy"
).split()


def photo(number=0):
    return Image.fromarray(load_sample_images().images[number])


def recompressed(image, quality=30):
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    return Image.open(data)


def cut(image, left, top, right, bottom):
    width, height = image.size
    return image.crop(
        (int(left * width), int(top * height), int(right * width), int(bottom * height))
    )


def captioned(image, text="Summer holidays"):
    drawn = image.copy()
    ImageDraw.Draw(drawn).text(
        (30, image.height - 60), text, "white", font_size=36, stroke_width=3, stroke_fill="black"
    )
    return drawn


def in_a_screenshot(image):
    screen = Image.new("RGB", (image.width, image.height * 2))
    screen.paste(image, (0, image.height // 2))
    ImageDraw.Draw(screen).text((10, 2), "12:41", "white", font_size=20)
    return screen


def small(image):
    image = image.copy()
    image.thumbnail((160, 160))
    return recompressed(image, 70)


COPIES = {
    "half size": lambda image: image.reduce(2),
    "a messenger's": small,
    "quality 30": recompressed,
    "cut by 5 %": lambda image: cut(image, 0.03, 0.01, 0.99, 0.98),
    "cut by 30 %": lambda image: cut(image, 0.2, 0.05, 0.9, 0.75),
    "border": lambda image: ImageOps.expand(image, 30, "white"),
    "caption": captioned,
    "grey": ImageOps.grayscale,
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.35),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "screenshot": in_a_screenshot,
}


def same(one, other):
    views = [View.of(image.convert("RGB")) for image in (one, other)]
    both = {compare(*views).same, compare(*reversed(views)).same}
    assert len(both) == 1, "the order of the two matters"
    return both.pop()


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_the_same_picture(kind, number):
    assert same(photo(number), COPIES[kind](photo(number)))


def test_photographs_are_not_the_same():
    assert not same(photo(0), photo(1))
    halves = [cut(photo(0), 0, 0, 0.5, 1), cut(photo(0), 0.5, 0, 1, 1)]
    assert not same(*halves)


def letter(seed):
    chosen = np.random.default_rng(seed)
    page = Image.new("L", (850, 1100), 255)
    draw = ImageDraw.Draw(page)
    for row in range(24):
        draw.text((80, 150 + 36 * row), " ".join(chosen.choice(WORDS, 9)), 0, font_size=24)
    return page


def chat(seed):
    chosen = np.random.default_rng(seed)
    screen = Image.new("RGB", (540, 1170), (11, 20, 26))
    draw = ImageDraw.Draw(screen)
    for top in range(120, 1050, 110):
        left = int(chosen.choice([20, 200]))
        draw.rounded_rectangle((left, top, left + 300, top + 90), 14, fill=(32, 44, 51))
        draw.text((left + 14, top + 12), " ".join(chosen.choice(WORDS, 3)), "white", font_size=22)
    return screen


def meme(seed):
    chosen = np.random.default_rng(seed)
    image = captioned(photo(1), " ".join(chosen.choice(WORDS, 4)).upper())
    ImageDraw.Draw(image).text(
        (30, 20),
        " ".join(chosen.choice(WORDS, 4)).upper(),
        "white",
        font_size=44,
        stroke_width=3,
        stroke_fill="black",
    )
    return image


def plain(seed):
    return Image.new("RGB", (640, 480), ["black", "white", "red", "green", "maroon", "gray"][seed])


@pytest.mark.parametrize("make", [letter, chat, meme, plain])
def test_pictures_of_one_layout_are_not_the_same(make):
    pictures = [make(seed) for seed in range(5)]

    pairs = [(one, other) for at, one in enumerate(pictures) for other in pictures[:at]]
    assert not any(same(*pair) for pair in pairs)
    assert all(same(each, each.reduce(2)) for each in pictures)


def strip(left, right):
    """Three photographs in a row, of which the middle one is always the same."""
    parts = [left, photo(1), right]
    joined = Image.new("RGB", (1200, 400))
    for number, part in enumerate(parts):
        joined.paste(part.resize((400, 400)), (400 * number, 0))
    return joined


def test_pictures_with_one_part_in_common_are_not_the_same():
    mirrored = ImageOps.mirror(photo(0))
    one, other = strip(photo(0), mirrored), strip(mirrored.rotate(90), ImageOps.flip(photo(0)))

    assert not same(one, other)
    assert not same(one, photo(1).resize((400, 400)))


def test_a_recoloured_picture_is_another():
    red, green, blue = photo(0).split()

    assert not same(photo(0), Image.merge("RGB", (blue, red, green)))


def test_scale_and_offset_are_found():
    whole, part = photo(0), cut(photo(0), 0.2, 0.05, 0.9, 0.75)

    views = View.of(part), View.of(whole)
    left, top, right, bottom = refined(*views, coarse_box(*views)[1])

    assert (left, top, right, bottom) == pytest.approx((0.2, 0.05, 0.9, 0.75), abs=0.01)


def test_tiny_pictures_are_compared_as_a_whole(monkeypatch):
    def searched(*_):
        raise AssertionError("a part of a tiny picture is looked for")

    monkeypatch.setattr("nachash.images.second_look.agreement.coarse_box", searched)
    tiny = [photo(number).resize((32, 32)) for number in (0, 1)]

    assert same(tiny[0], recompressed(tiny[0], 70))
    assert not same(*tiny)


def test_tiny_pictures_have_a_view():
    assert not same(Image.new("RGB", (1, 1)), Image.new("RGB", (3, 1), "white"))
    assert same(Image.new("RGB", (1, 900)), Image.new("RGB", (1, 900)))


def test_what_cannot_be_decoded_has_no_view():
    data = io.BytesIO()
    photo().save(data, "PNG")

    with pytest.raises(ImageError):
        View.of(Image.open(io.BytesIO(data.getvalue()[: data.tell() // 2])))
