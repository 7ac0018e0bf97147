"""What decoding may cost: pictures looked at first, decoded apart where it is not sure."""

import functools
import io
import subprocess
import sys
import threading
import time
from pathlib import Path

import hostile
import numpy as np
import pytest
from pictures import SIZE_8, contents, gradient
from PIL import Image

from nachash.errors import ImageError, UsageError
from nachash.images import limits
from nachash.images.decoding import apart, formats
from nachash.images.decoding.apart import Apart
from nachash.images.decoding.decode import decode
from nachash.images.decoding.examination import Cost, examined
from nachash.images.decoding.exif import facts
from nachash.images.decoding.room import Room
from nachash.images.thumbnail import drawn


@functools.cache
def large():
    return hostile.png(9_000, 9_000, 8, 2)


def held_apart(image, form="PNG", memory=None, **options):
    data = contents(image, form, **options)
    return Apart(lambda: io.BytesIO(data), memory), formats.opened_here(io.BytesIO(data))


@pytest.mark.parametrize(
    ("form", "options", "memory"),
    [
        ("JPEG", {}, 60 * 40 // 4),
        ("PNG", {}, 60 * 40 * 4),
        ("GIF", {}, 60 * 40 * 2),
        ("BMP", {}, 60 * 40 * 4),
        ("PPM", {}, 60 * 40 * 4),
        ("WEBP", {}, 60 * 40 * 17),
        ("WEBP", {"lossless": True}, 60 * 40 * 17),
        ("WEBP", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}, 60 * 40 * 17),
    ],
)
def test_an_ordinary_picture_is_plain_and_costs_what_its_size_says(form, options, memory):
    assert examined(contents(gradient(60, 40), form, **options)) == Cost(memory)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "packbits"])
def test_an_ordinary_tiff_is_plain(compression):
    cost = examined(contents(gradient(60, 40), "TIFF", compression=compression))

    assert cost.plain
    assert cost.memory <= 60 * 40 * 7


@pytest.mark.parametrize("kind", ["progressive", "grey", "large grey", "16 bits", "one bit"])
def test_usual_variants_are_plain(kind):
    data = {
        "progressive": contents(gradient(60, 40), "JPEG", progressive=True),
        "grey": contents(gradient(60, 40).convert("L"), "JPEG", progressive=True),
        "large grey": contents(Image.new("L", (5000, 5000)), "PNG"),
        "16 bits": contents(Image.fromarray(np.zeros((9, 9), np.uint16)), "PPM"),
        "one bit": contents(Image.new("1", (9, 9)), "PPM"),
    }[kind]

    assert examined(data).plain


def test_a_video_inside_is_never_plain():
    cost = examined(contents(gradient(64, 48), "AVIF"))

    assert not cost.plain
    assert cost.memory == 64 * 48 * 16


def test_what_needs_more_memory_than_is_allowed_is_refused_by_its_header(monkeypatch):
    with pytest.raises(ImageError, match=r"needs 3\.0 GB .* above the 1 GB"):
        formats.opened(hostile.webp_canvas(16_000, 11_000))
    with pytest.raises(ImageError, match="too many pixels: 20000 x 9000"):
        formats.opened(hostile.webp_canvas(20_000, 9_000))
    with pytest.raises(ImageError, match="too many scans: 1"):
        formats.opened(hostile.jpeg_of_scans(8, 1500))

    monkeypatch.setenv(limits.IMAGE_MEMORY, "4GB")

    assert not examined(hostile.webp_canvas(16_000, 11_000)).plain


NOT_PLAIN = {
    "scans": lambda: hostile.jpeg_of_scans(4000, 60),
    "segments": lambda: hostile.jpeg_of_segments(30_000),
    "comments": lambda: hostile.gif_of_comments(30_000),
    "runs": lambda: hostile.bmp_of_runs(8, 8, b"\x08\0"),
    "scaled": lambda: hostile.ppm(200, 200, 254),
    "chunks": lambda: hostile.png(8, 8, 8, 0, hostile._chunk(b"teSt", b"") * 30_000),
    "circle": lambda: hostile.tiff_in_a_circle(),
    "overlaps": lambda: hostile.tiff_of_overlaps(30_000, 8),
}


@pytest.mark.parametrize("kind", NOT_PLAIN)
def test_what_may_take_long_is_not_plain(kind):
    data = NOT_PLAIN[kind]()

    assert not examined(data).plain
    assert isinstance(formats.opened(data), Apart)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF"])
def test_a_picture_decoded_apart_is_the_same(form, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    far, near = held_apart(gradient(90, 60), form, exif=exif)

    whole = near.size

    assert far.size == whole
    np.testing.assert_array_equal(decode(far, SIZE_8), decode(near, SIZE_8))
    assert facts(far, (0, 0)) == facts(near, whole)


def test_a_thumbnail_made_apart_is_the_same():
    far, near = held_apart(gradient(90, 60))

    assert drawn(far, 20) == drawn(near, 20)


def test_all_pixels_can_be_had_too():
    far, near = held_apart(gradient(90, 60))

    np.testing.assert_array_equal(np.asarray(far), np.asarray(near))
    assert far.size == (90, 60)


def test_an_error_apart_is_the_same():
    data = contents(gradient(90, 60), "PNG")[:400]
    with pytest.raises(ImageError) as near:
        decode(formats.opened_here(io.BytesIO(data)), SIZE_8)
    with pytest.raises(ImageError) as far:
        decode(Apart(lambda: io.BytesIO(data), None), SIZE_8)

    assert far.value.sentence == near.value.sentence


def test_a_file_that_cannot_be_read_is_an_error_and_the_next_one_is_read():
    class Broken(io.BytesIO):
        def read(self, *_):
            raise OSError("the disk is on fire")

    with pytest.raises(ImageError, match="the disk is on fire"):
        decode(Apart(Broken, None), SIZE_8)

    assert decode(held_apart(gradient(9, 9))[0], SIZE_8).shape == (8, 8, 3)


def test_a_large_file_is_streamed_and_refused_above_a_limit(tmp_path):
    from nachash.images.sources import files

    (tmp_path / "a.png").write_bytes(contents(gradient(9, 9), "PNG"))
    (tmp_path / "b.png").write_bytes(b"")
    with (tmp_path / "a.png").open("r+b") as file:
        file.truncate(limits.HELD_BYTES + 1)
    with (tmp_path / "b.png").open("r+b") as file:
        file.truncate(limits.MAX_BYTES + 1)
    source = files.source(str(tmp_path), ["a.png", "b.png"])
    large, larger = source.references

    pixels = decode(source.open(large), SIZE_8)

    np.testing.assert_array_equal(pixels, decode(gradient(9, 9), SIZE_8))
    with pytest.raises(ImageError, match="file too large: 1073741825 bytes"):
        decode(source.open(larger), SIZE_8)


def endless():
    data = hostile.jpeg_of_scans(4000, 400)
    return Apart(lambda: io.BytesIO(data), None)


def test_a_picture_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setenv(limits.IMAGE_SECONDS, "0.3")

    with pytest.raises(ImageError, match=r"not decoded within 0\.3 seconds"):
        decode(endless(), SIZE_8)


def test_a_picture_that_nobody_wants_any_more_is_given_up():
    stop = threading.Event()
    stop.set()

    with apart.wanted_until(stop), pytest.raises(ImageError, match="interrupted"):
        decode(endless(), SIZE_8)


def test_whoever_waits_for_a_process_that_is_ended_gets_an_error():
    errors = []

    def waiting():
        try:
            decode(endless(), SIZE_8)
        except ImageError as error:
            errors.append(error.sentence)

    thread = threading.Thread(target=waiting)
    thread.start()
    while thread.is_alive():
        time.sleep(0.05)
        apart.end()
    thread.join()

    assert errors == ["the decoder ended; the file is damaged"]


@pytest.mark.skipif(sys.platform == "win32", reason="the system does not hold a process to limits")
def test_a_lie_about_memory_is_found_out_by_the_system(monkeypatch):
    monkeypatch.setenv(limits.IMAGE_MEMORY, "150MB")
    data = large()

    with pytest.raises(ImageError, match=r"needs 0\.3 GB"):
        formats.opened(data)
    with pytest.raises(ImageError, match="not enough memory"):
        decode(Apart(lambda: io.BytesIO(data), 1000), SIZE_8)


def test_an_estimate_that_was_too_small_gets_all_the_memory_at_a_second_try():
    assert decode(Apart(lambda: io.BytesIO(large()), 1000), SIZE_8).shape == (8, 8, 3)


def test_a_room_holds_no_more_than_it_has():
    room, held, most = Room(10), [0], []

    def work(size):
        for _ in range(50):
            with room.taken(size) as got:
                held[0] += got
                most.append(held[0])
                held[0] -= got

    threads = [threading.Thread(target=work, args=(size,)) for size in (1, 4, 6, 10, 99)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert max(most) <= 10
    assert len(most) == 250


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4GB", 4 * 10**9),
        ("1.5 gib", 3 << 29),
        ("500M", 5 * 10**8),
        ("123456789", 123456789),
        ("", 10**9),
    ],
)
def test_a_limit_is_raised_by_the_environment(monkeypatch, text, expected):
    monkeypatch.setenv(limits.IMAGE_MEMORY, text)

    assert limits.image_memory() == expected


@pytest.mark.parametrize("text", ["much", "-1", "4 GB or so", "nan"])
def test_a_limit_that_is_no_number_is_a_wrong_use(monkeypatch, text):
    monkeypatch.setenv(limits.IMAGE_MEMORY, text)
    monkeypatch.setenv(limits.IMAGE_SECONDS, text)

    with pytest.raises(UsageError, match="NACHASH_IMAGE_MEMORY"):
        limits.image_memory()
    with pytest.raises(UsageError, match="NACHASH_IMAGE_SECONDS"):
        limits.image_seconds()


PEAK = """
import resource, sys
sys.path[:0] = {paths!r}
import hostile
from memory import peak_bytes
from nachash.errors import ImageError
from nachash.images.decoding import apart, decode, formats
from nachash.images.thumbnail import drawn
from nachash.records import Preprocessing
data = hostile.PICTURES[{name!r}]()
seen = Preprocessing(224)
for task in (lambda image: decode.decode(image, seen), lambda image: drawn(image, 320)):
    try:
        task(formats.opened(data))
    except ImageError as error:
        print(error.sentence, file=sys.stderr)
apart.end()
children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(peak_bytes(), children * (1 if sys.platform == "darwin" else 1024))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no resource usage")
@pytest.mark.parametrize("name", hostile.PICTURES)
def test_no_picture_takes_more_than_a_gigabyte(name):
    paths = [str(Path(hostile.__file__).parent), *sys.path]
    script = PEAK.format(paths=paths, name=name)

    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True
    )

    assert max(map(int, found.stdout.split())) < 10**9
