"""Copies of real photographs that `nachash dedup` finds with its default settings, by kind.

    python benchmarks/copies.py FOLDER [--quick] [--json]

Each photograph of the folder (different ones; by default the wallpapers of this machine) lies
beside one copy of it, kind after kind, with letters, chats, memes and plain colours drawn here as
further strangers. `found`: share of the copies in one group with their original. `wrong`: images
in the group of another picture, over all kinds. Beside the default, the codes alone, and pHash and
dHash (ImageHash) at distance 10, where a pair counts if it is that near.
"""

import argparse
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from nachash.tasks.environment import describe_machine

WALLPAPERS = (Path("/usr/share/wallpapers"), Path("/usr/share/backgrounds"))
SIDE = 900  # pixels
QUICK = 12  # photographs
WORDS = (  # noqa: SIM905 (readable)
    "the a market river council results quarter profit loss patient invoice number street "
    "delivery error kernel module train station weather report winter tax office copy"
).split()

Kind = Callable[[Image.Image, np.random.Generator], Image.Image]


def recompressed(image: Image.Image, quality: int) -> Image.Image:
    """The image after one more JPEG."""
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    return Image.open(data)


def messenger(image: Image.Image, _: np.random.Generator) -> Image.Image:
    """At most 600 pixels, quality 70."""
    small = image.copy()
    small.thumbnail((600, 600))
    return recompressed(small, 70)


def cut(share: float) -> Kind:
    """Width and height less by a share, at places drawn at random."""

    def cropped(image: Image.Image, rng: np.random.Generator) -> Image.Image:
        left, top = rng.uniform(0, share, 2)
        width, height = image.size
        right, bottom = (1 - share + left) * width, (1 - share + top) * height
        return image.crop((int(left * width), int(top * height), int(right), int(bottom)))

    return cropped


def caption(image: Image.Image, _: np.random.Generator) -> Image.Image:
    """A line of text near the lower edge."""
    return written(image, "Summer holidays 2019", image.height - image.height // 8)


def written(image: Image.Image, text: str, top: int) -> Image.Image:
    """White letters with a black edge."""
    drawn, size = image.copy(), max(10, image.height // 12)
    ImageDraw.Draw(drawn).text(
        (image.width // 20, top), text, "white", font_size=size, stroke_width=2, stroke_fill="black"
    )
    return drawn


def watermark(image: Image.Image, _: np.random.Generator) -> Image.Image:
    """Large letters across the middle, a third opaque."""
    layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
    size = max(12, image.width // 8)
    place = image.width // 6, (image.height - size) // 2
    ImageDraw.Draw(layer).text(place, "© sample", (255, 255, 255, 90), font_size=size)
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


def screenshot(image: Image.Image, _: np.random.Generator) -> Image.Image:
    """Between two bars on a telephone."""
    height = max(image.width * 16 // 9, int(image.height * 1.3))
    screen = Image.new("RGB", (image.width, height))
    screen.paste(image, (0, (height - image.height) // 2))
    ImageDraw.Draw(screen).text((10, 2), "12:41", "white", font_size=max(8, height // 40))
    return screen


SAME: dict[str, Kind] = {
    "half size": lambda image, _: image.reduce(2),
    "JPEG of quality 30": lambda image, _: recompressed(image, 30),
    "messenger": messenger,
    "PNG": lambda image, _: image,
}
SIMILAR: dict[str, Kind] = {
    "cut by 5 %": cut(0.05),
    "cut by 15 %": cut(0.15),
    "cut by 30 %": cut(0.3),
    "border": lambda image, _: ImageOps.expand(image, max(image.size) // 16, "white"),
    "caption": caption,
    "watermark": watermark,
    "grey": lambda image, _: ImageOps.grayscale(image).convert("RGB"),
    "brighter": lambda image, _: ImageEnhance.Brightness(image).enhance(1.35),
    "darker": lambda image, _: ImageEnhance.Brightness(image).enhance(0.7),
    "more contrast": lambda image, _: ImageEnhance.Contrast(image).enhance(1.4),
    "soft": lambda image, _: image.filter(ImageFilter.GaussianBlur(1.5)),
    "screenshot": screenshot,
}
TURNED: dict[str, Kind] = {
    "mirrored": lambda image, _: ImageOps.mirror(image),
    "quarter turn": lambda image, _: image.transpose(Image.Transpose.ROTATE_90),
}
KINDS = SAME | SIMILAR | TURNED


def strangers(photo: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    """Different pictures of one layout each."""
    for seed in range(8):
        rng = np.random.default_rng(seed)
        page = Image.new("RGB", (850, 1100), "white")
        chat = Image.new("RGB", (540, 1170), (11, 20, 26))
        for top in range(120, 1020, 36):
            ImageDraw.Draw(page).text((80, top), words(rng, 9), "black", font_size=24)
        for top in range(120, 1050, 110):
            left = int(rng.choice([20, 200]))
            bubble = left, top, left + 300, top + 90
            ImageDraw.Draw(chat).rounded_rectangle(bubble, 14, fill=(32, 44, 51))
            ImageDraw.Draw(chat).text((left + 14, top + 12), words(rng, 3), "white", font_size=22)
        meme = written(photo.resize((640, 480)), words(rng, 3).upper(), 20)
        yield f"letter-{seed}", page
        yield f"chat-{seed}", chat
        yield f"meme-{seed}", written(meme, words(rng, 3).upper(), 410)
        colour = tuple(rng.integers(0, 256, 3).tolist())
        yield f"plain-{seed}", Image.new("RGB", (640, 480), colour)


def words(rng: np.random.Generator, count: int) -> str:
    """Some words in a row."""
    return " ".join(rng.choice(WORDS, count))


def photographs(folder: Path | None, most: int | None) -> dict[str, Image.Image]:
    """Pictures of a folder, at most SIDE pixels high and wide; no two should be the same."""
    places = [folder] if folder else WALLPAPERS
    files = (path for place in places for path in sorted(place.rglob("*")))
    found: dict[str, Image.Image] = {}
    for path in files:
        if path.suffix.lower() not in {".jpg", ".jpeg", ".png"} or not path.is_file():
            continue
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        image.thumbnail((SIDE, SIDE))
        found[f"{len(found):04}"] = image
        if len(found) == most:
            break
    return found


def measure(photos: dict[str, Image.Image]) -> dict[str, dict[str, float]]:
    """Share of copies found by each way and kind; `wrong` counts images."""
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "pictures"
        folder.mkdir()
        others = dict(strangers(next(iter(photos.values()))))
        for key, image in (photos | others).items():
            image.save(folder / f"{key}.jpg", quality=92)
        for number, (kind, make) in enumerate(KINDS.items()):
            ending = "png" if kind == "PNG" else "jpg"
            for place, (key, image) in enumerate(photos.items()):
                copy = make(image, np.random.default_rng([number, place]))
                copy.save(folder / f"{key}-copy.{ending}", quality=92)
            for way, share, wrong in every_way(folder, len(photos)):
                row = found.setdefault(way, {"wrong": 0})
                row[kind] = share
                row["wrong"] += wrong
            for path in folder.glob("*-copy.*"):
                path.unlink()
    return found


def every_way(folder: Path, count: int) -> Iterator[tuple[str, float, int]]:
    """What each way finds in a folder: share of the copies, and wrong images."""
    yield "nachash dedup", *scored(grouped(folder), count)
    yield "codes alone", *scored(grouped(folder, "--codes-only"), count)
    try:
        import imagehash
    except ImportError:
        return
    for name, function in (("pHash", imagehash.phash), ("dHash", imagehash.dhash)):
        hashes = {path.stem: function(Image.open(path)) for path in folder.iterdir()}
        near = [[key for key in hashes if hashes[key] - own <= 10] for own in hashes.values()]
        yield f"{name}, distance 10", *scored(near, count)


def grouped(folder: Path, *more: str) -> list[list[str]]:
    """Names without endings in each group of `nachash dedup`."""
    command = [sys.executable, "-m", "nachash", "dedup", str(folder), "--json", "--no-exit-code"]
    printed = subprocess.run([*command, *more], capture_output=True, text=True, check=True).stdout
    groups = [json.loads(line)["images"] for line in printed.splitlines()]
    return [[Path(each["path"]).stem for each in group] for group in groups]


def scored(groups: list[list[str]], count: int) -> tuple[float, int]:
    """The share of copies beside their original, and images beside others than their own."""
    right, wrong = set(), set()
    for group in groups:
        for name in group[1:]:
            own = name.removesuffix("-copy") == group[0].removesuffix("-copy")
            (right if own else wrong).add(name)
        right |= {
            name for name in group if name.endswith("-copy") and name.removesuffix("-copy") in group
        }
    return len({name.removesuffix("-copy") for name in right}) / count, len(wrong)


def table(found: dict[str, dict[str, float]], photos: int) -> str:
    """A Markdown table with a row for each way."""
    lines = [
        f"{photos} photographs; {describe_machine()}\n",
        f"| | {' | '.join(KINDS)} | wrong images |",
        "|---|" + "---|" * (len(KINDS) + 1),
    ]
    for way, row in found.items():
        shares = " | ".join(f"{100 * row[kind]:.0f}" for kind in KINDS)
        lines.append(f"| {way} | {shares} | {row['wrong']} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what is found among the photographs of a folder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="different photographs")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} photographs")
    parser.add_argument("--photographs", type=int, help="no more than so many")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    given = parser.parse_args()
    photos = photographs(given.folder, QUICK if given.quick else given.photographs)
    if not photos:
        raise SystemExit("no photographs: name a folder of them")
    found = measure(photos)
    print(json.dumps(found) if given.json else table(found, len(photos)))


if __name__ == "__main__":
    main()
