"""Mutated image files: each is decoded or skipped with a reason, and never more than that."""

import random
import resource
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import SIZE_8, contents, exif, gradient

from nachash.errors import ImageError
from nachash.images.decoding.decode import decode
from nachash.images.decoding.formats import opened

HERE = str(Path(__file__).parent)
SEEDS = {
    form: contents(gradient(24, 16), form, exif=exif("2023:05:01 10:20:30", orientation=6))
    for form in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF")
}


@settings(deadline=None, max_examples=200)
@given(
    form=st.sampled_from(sorted(SEEDS)),
    changes=st.lists(
        st.tuples(st.integers(0, 3000), st.binary(min_size=1, max_size=6)), max_size=8
    ),
    cut=st.none() | st.integers(0, 3000),
)
def test_a_mutated_image_is_pixels_or_one_reason(form, changes, cut):
    data = bytearray(SEEDS[form])
    for at, new in changes:
        data[at % len(data) : at % len(data) + len(new)] = new
    reason = None
    try:
        pixels = decode(opened(bytes(data[:cut])), SIZE_8)
    except ImageError as error:
        reason = error.sentence
    if reason is None:
        assert pixels.shape == (8, 8, 3)
    else:
        assert 0 < len(reason) <= 160
        assert "\n" not in reason


CAMPAIGN = """
    import random, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from test_fuzz import SEEDS, mutated
    from pictures import SIZE_8
    from nachash.errors import ImageError
    from nachash.images.decoding.decode import decode
    from nachash.images.decoding.exif import facts
    from nachash.images.decoding.formats import opened

    outcomes = [0, 0]
    for seed in range(int(sys.argv[2]), int(sys.argv[2]) + int(sys.argv[3])):
        data = mutated(seed)
        print(seed, flush=True)
        try:
            image = opened(data)
            whole = image.size
            decode(image, SIZE_8)
            facts(image, whole)
            outcomes[0] += 1
        except ImageError:
            outcomes[1] += 1
    print(*outcomes)
"""


def mutated(seed):
    """An image file with some of its bytes changed, doubled, cut out or cut off."""
    generator = random.Random(seed)
    data = bytearray(SEEDS[generator.choice(sorted(SEEDS))])
    for _ in range(generator.choice((1, 2, 4, 16))):
        at, run = generator.randrange(len(data)), generator.choice((1, 1, 2, 4, 32))
        kind = generator.random()
        if kind < 0.6:
            data[at : at + run] = generator.choice((generator.randbytes(run), b"\xff" * run))
        elif kind < 0.8:
            data[at:at] = data[at : at + run]
        else:
            del data[at : at + run]
    return bytes(data[: generator.randrange(len(data)) if generator.random() < 0.1 else None])


def campaign(folder, seed, count):
    """Decode mutated files in a child whose memory is limited to 2 GiB."""

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))

    command = [sys.executable, "-c", textwrap.dedent(CAMPAIGN), folder, str(seed), str(count)]
    finished = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
        timeout=60 + count,
    )
    lines = finished.stdout.splitlines()
    assert finished.returncode == 0, (lines[-1:], finished.stderr[-2000:])
    return tuple(map(int, lines[-1].split()))


def test_mutated_images_in_a_child_with_little_memory():
    fine, bad = campaign(HERE, 0, 300)

    assert fine + bad == 300
    assert min(fine, bad) > 20


@pytest.mark.slow
def test_ten_thousand_mutated_images():
    assert sum(campaign(HERE, 10_000, 10_000)) == 10_000
