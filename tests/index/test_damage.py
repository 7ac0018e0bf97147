"""Damage is reported by verify and never becomes a wrong neighbour; fuzzed files do no harm."""

import hashlib
import os
import pickle
import random
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
from index_formats import as_format_1, resealed

from nachash.errors import DamagedError, NachashError
from nachash.index import writer
from nachash.index.reader import open_index
from nachash.index.rows import Changes
from nachash.index.verification import problems
from nachash.records import Skipped
from nachash.results.index import Metadata
from nachash.tasks.encode.encode import EncodeSettings, encode
from nachash.tasks.search.search import SearchSettings, search

DATASETS = [
    "codes", "ids", "size", "mtime_ns", "status", "labels/numbers", "labels/ends", "width",
    "height", "taken", "encoder", "paths/bytes", "paths/ends", "paths/hashes", "label_names/bytes",
    "label_names/ends", "errors/paths/bytes", "errors/paths/ends", "errors/reasons/bytes",
    "errors/reasons/ends",
]  # fmt: skip
FORMAT_1 = [name for name in DATASETS if not name.startswith("labels/") and "hash" not in name]
ATTRIBUTES = [
    "format", "format_version", "bits", "bitorder", "encoder_fingerprint", "preprocessing", "model",
    "root", "created_by", "committed", "next_id", "identity", "outside", "commit_digest",
]  # fmt: skip


@pytest.fixture
def sound(create, batch):
    """A small index with all that there can be; its bytes and what a reader sees."""
    with create(label_names=("a", "b")) as writing:
        codes, references = batch(50)
        metadata = Metadata(*np.arange(150).reshape(3, 50))
        skipped = [Skipped("bad", "truncated")]
        changes = Changes(metadata=metadata)
        writing.append(codes, references, np.ones((50, 2), np.uint8), skipped, changes)
    return writing.path


@pytest.fixture
def old(sound):
    """The same as format 1 had it."""
    as_format_1(sound)
    return sound


def content(path):
    with open_index(path) as index:
        return (
            index.header, index.codes().tolist(), index.ids().tolist(), index.all_paths(),
            index.sizes().tolist(), index.times().tolist(), index.labels().tolist(),
            index.label_names, index.errors(), index.encoder, repr(index.metadata()),
        )  # fmt: skip


def reported(path):
    try:
        return list(problems(path))
    except NachashError as error:
        return [error]


def damaged(path, offset, mask=4):
    whole = bytearray(path.read_bytes())
    whole[offset] ^= mask
    path.write_bytes(whole)


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize(
    "where",
    ["middle", *(pytest.param(each, marks=pytest.mark.slow) for each in ("first", "checksum"))],
)
def test_verify_names_the_data_set_whose_byte_was_flipped(sound, name, where):
    with h5py.File(sound, "r") as file:
        chunk = file[name].id.get_chunk_info(0)
    inside = {"first": 0, "middle": chunk.size // 2, "checksum": chunk.size - 1}[where]
    damaged(sound, chunk.byte_offset + inside)

    assert {problem.part for problem in reported(sound)} == {name}


@pytest.mark.parametrize("name", [*FORMAT_1, "labels"])
def test_verify_names_the_data_set_of_format_1_whose_byte_was_flipped(old, name):
    with h5py.File(old, "r") as file:
        chunk = file[name].id.get_chunk_info(0)
    damaged(old, chunk.byte_offset + chunk.size // 2)

    assert {problem.part for problem in reported(old)} == {name}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_verify_reports_a_flipped_byte_of_an_attribute(sound, name):
    with h5py.File(sound, "r") as file:
        value = file.attrs[name]
    raw = value if isinstance(value, bytes) else np.asarray(value).tobytes()
    whole = sound.read_bytes()
    places = [at for at in range(512, len(whole)) if whole.startswith(raw, at)]
    assert places
    if name in ("format_version", "committed", "bits", "next_id", "outside"):
        at = whole.index(name.encode() + b"\0", 512)
        places = [place for place in places if 0 < place - at < 80]
    damaged(sound, places[0])

    assert reported(sound)
    with pytest.raises(DamagedError):
        content(sound)


def test_verify_reports_the_first_line_of_the_file(sound):
    damaged(sound, 3)

    assert [problem.part for problem in reported(sound)] == ["identity"]


BROKEN_RULES = [
    (lambda file: file["ids"].__setitem__(3, 1), "ids"),
    (lambda file: file.attrs.modify("next_id", np.int64(9)), "ids"),
    (lambda file: file["status"].__setitem__(3, 7), "status"),
    (lambda file: file["codes"].__setitem__((3, 1), 1), "codes"),
    (lambda file: file["encoder"].__setitem__(3, 1), "encoder"),
    (lambda file: file["width"].__setitem__(3, -1), "width"),
    (lambda file: file.__delitem__("taken"), "metadata"),
    (lambda file: file["paths/ends"].__setitem__(3, 1), "paths"),
    (lambda file: file["paths/bytes"].__setitem__(3, 0), "paths"),
    (lambda file: file["errors/reasons/ends"].resize(0, axis=0), "errors"),
    (lambda file: file.attrs.modify("bitorder", np.bytes_(b"ltl")), "attributes"),
    (lambda file: file.__delitem__("mtime_ns"), "attributes"),
    (lambda file: file.__delitem__("errors"), "attributes"),
]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        *BROKEN_RULES,
        (lambda file: file["labels/numbers"].__setitem__(3, 2), "labels"),
        (lambda file: file["labels/ends"].__setitem__(3, 1), "labels"),
        (lambda file: file["paths/hashes"].__setitem__(3, 1), "paths"),
        (lambda file: file["paths/bytes"].__setitem__(0, ord("/")), "paths"),
        (lambda file: file["paths/bytes"].__setitem__(slice(0, 3), list(b"../")), "paths"),
        (lambda file: file.attrs.modify("identity", np.bytes_(b"0" * 32)), "identity"),
    ],
)
def test_verify_reports_what_no_digest_can_tell(sound, change, part):
    resealed(sound, lambda file: None)
    assert not reported(sound)
    resealed(sound, change)

    assert part in {problem.part for problem in reported(sound)}


@pytest.mark.parametrize(
    ("change", "part"),
    [*BROKEN_RULES, (lambda file: file["labels"].__setitem__((3, 1), 2), "labels")],
)
def test_verify_reports_of_format_1_what_no_checksum_can_tell(old, change, part):
    assert not reported(old)
    with h5py.File(old, "r+") as file:
        change(file)

    assert part in {problem.part for problem in reported(old)}


@pytest.mark.parametrize("form", ["sound", "old"])
def test_a_chunk_that_the_map_calls_too_small_is_never_read(form, request):
    """HDF5 crashes on it: the checksum is looked for before the beginning of an empty chunk."""
    sound = request.getfixturevalue(form)
    with h5py.File(sound, "r") as file:
        chunk = file["status"].id.get_chunk_info(0)
    whole = sound.read_bytes()
    entry = chunk.size.to_bytes(4, "little") + bytes(4)  # its size and its filters, in the tree
    address = (chunk.byte_offset - 512).to_bytes(8, "little")
    found = [
        at
        for at in range(512, len(whole))
        if whole.startswith(entry, at) and whole.startswith(address, at + 24)
    ]
    assert len(found) == 1
    for size in (0, 3, 5):
        sound.write_bytes(whole[: found[0]] + size.to_bytes(4, "little") + whole[found[0] + 4 :])
        assert "status" in {problem.part for problem in reported(sound)}
        with open_index(sound) as index, pytest.raises(DamagedError):
            index.codes()
        with open_index(sound, check=False) as index, pytest.raises(DamagedError):
            index.codes()
        with pytest.raises(DamagedError), writer.open_for_append(sound) as writing:
            writing.change(Changes(removed=[1]))


def flip_campaign(path, seed, flips):
    """Flip single bits anywhere: what verify does not report changes nothing that is read."""
    whole, expected, generator = path.read_bytes(), content(path), random.Random(seed)
    other, silent = path.with_name("flipped.h5"), 0
    for _ in range(flips):
        changed = bytearray(whole)
        changed[generator.randrange(len(whole))] ^= 1 << generator.randrange(8)
        other.write_bytes(changed)
        if not reported(other):
            assert content(other) == expected
            silent += 1
    return silent


def test_a_flip_that_verify_does_not_report_changes_nothing(sound):
    assert flip_campaign(sound, seed=0, flips=60) < 20


@pytest.mark.slow
def test_many_flips_that_verify_does_not_report_change_nothing(sound):
    flips = CAMPAIGN // 2
    assert flip_campaign(sound, seed=1, flips=flips) < flips / 5


def test_search_refuses_a_damaged_chunk_instead_of_answering(encoded):
    query = str(encoded.parent / "photos" / "cat" / "00.png")
    whole = encoded.read_bytes()
    for name in ("codes", "ids", "status", "paths/bytes", "paths/ends", "labels/ends", "encoder"):
        encoded.write_bytes(whole)
        with h5py.File(encoded, "r") as file:
            chunk = file[name].id.get_chunk_info(0)
        damaged(encoded, chunk.byte_offset + 1)
        with pytest.raises(DamagedError, match=r"out\.h5"):
            search(SearchSettings(queries=(query,), index=encoded))


@pytest.mark.parametrize("version", [1, 2])
def test_a_chunk_that_is_lost_from_the_map_is_not_read_as_zeros(create, batch, version):
    """Rows whose chunk was never written read as zeros in HDF5, without an error."""
    with create() as writing:
        writing.append(*batch(40_000))
    if version == 1:
        as_format_1(writing.path)
    with h5py.File(writing.path, "r+") as file:
        codes, chunks = file["codes"][:16_384], file["codes"].chunks
        settings = {"chunks": chunks, "maxshape": (None, 2), "fletcher32": version == 1}
        del file["codes"]
        lost = file.create_dataset("codes", (40_000, 2), np.uint8, **settings)
        lost[:16_384] = codes

    with open_index(writing.path) as index, pytest.raises(DamagedError, match="missing"):
        index.codes()
    first, second = reported(writing.path)
    assert (first.part, second.part) == ("codes", "codes")
    assert first.what.startswith("rows 16384 to 32767: ")


# `make fuzz` takes ten times as many.
CAMPAIGN = int(os.environ.get("NACHASH_FUZZ", "1000"))

FUZZ = """
    import random, resource, sys
    from pathlib import Path
    import h5py
    from nachash.errors import NachashError
    from nachash.index import writer
    from nachash.index.storage import naming
    from nachash.index.reader import open_index
    from nachash.index.rows import Changes
    from nachash.index.salvage import salvage
    from nachash.records import Skipped
    from nachash.index.verification import problems

    original, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    whole = original.read_bytes()
    with h5py.File(original, "r") as file:
        chunks = []
        file.visititems(lambda _, item: isinstance(item, h5py.Dataset) and [
            chunks.append(item.id.get_chunk_info(n)) for n in range(item.id.get_num_chunks())
        ] and None)
    inside = {at for c in chunks for at in range(c.byte_offset, c.byte_offset + c.size)}
    metadata = [at for at in range(len(whole)) if at not in inside]
    limit = 3 << 30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    path = original.with_name(f"fuzzed-{seed}.h5")
    saving = path.with_suffix(".saved")

    def unchecked():
        with open_index(path, check=False) as index:
            index.codes(), index.ids(), index.labels(), index.all_paths(), index.errors()
            index.metadata()

    def saved():
        with open_index(path) as index, naming.new_file(saving) as new:
            salvage(index, new)
            new.take_name()
        assert not list(problems(saving))

    def written():
        with writer.open_for_append(path) as index:
            index.change(Changes(removed=[2]), [Skipped("another", "truncated")])

    outcomes = [0, 0]
    for number in range(seed, seed + count):
        generator = random.Random(number)
        changed = bytearray(whole)
        for _ in range(generator.choice((1, 1, 2, 8, 64))):
            anywhere = generator.random() < 0.2
            at = generator.randrange(len(whole)) if anywhere else generator.choice(metadata)
            run = generator.choice((1, 1, 2, 8, 100))
            new = generator.choice((generator.randbytes(run), bytes(run), b"\\xff" * run))
            changed[at : at + run] = new[: len(changed) - at]
        if generator.random() < 0.1:
            del changed[generator.randrange(len(changed)) :]
        path.write_bytes(changed)
        print(number, flush=True)
        try:
            found = list(problems(path))
            with open_index(path) as index:
                index.codes(), index.ids(), index.all_paths(), index.errors(), index.encoder
                index.metadata()
            outcomes[bool(found)] += 1
        except NachashError:
            outcomes[1] += 1
        for use in (unchecked, saved, written):
            saving.unlink(missing_ok=True)
            try:
                use()
            except NachashError:
                pass
    print(*outcomes)
"""


def fuzz(path, seed, count):
    """Mutated index files, opened by a child whose memory is limited to 3 GiB."""
    import textwrap

    command = [sys.executable, "-c", textwrap.dedent(FUZZ), str(path), str(seed), str(count)]
    finished = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60 + count
    )
    lines = finished.stdout.splitlines()
    assert finished.returncode == 0, (lines[-1:], finished.stderr[-2000:])
    return tuple(map(int, lines[-1].split()))


def test_mutated_index_files_end_in_a_sentence(sound):
    fine, wrong = fuzz(sound, 0, 60)

    assert fine + wrong == 60
    assert wrong > 30


@pytest.mark.slow
def test_many_mutated_index_files_end_in_a_sentence(sound):
    for seed in range(1_000, 1_000 + CAMPAIGN, 500):
        assert sum(fuzz(sound, seed, 500)) == 500


class Trap:
    """Unpickling it would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_is_neither_an_index_nor_an_encoder(encoded, tiny_model, tmp_path):
    trap = pickle.dumps(Trap(tmp_path / "ran"))
    (tmp_path / "trap.h5").write_bytes(trap)
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    (model / "encoder.onnx").write_bytes(trap)
    changed = EncodeSettings(
        images=str(encoded.parent / "photos"), out=tmp_path / "o.h5", model=model, workers=0
    )

    with pytest.raises(DamagedError, match="not a nachash index"):
        open_index(tmp_path / "trap.h5")
    with pytest.raises(DamagedError, match="damaged"):
        encode(changed)
    config = model / "config.json"
    digests = (
        hashlib.sha256(content).hexdigest()
        for content in ((tiny_model / "encoder.onnx").read_bytes(), trap)
    )
    config.write_text(config.read_text().replace(*digests))
    with pytest.raises(DamagedError, match="not an ONNX graph"):
        encode(changed)
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "o.h5").exists()
