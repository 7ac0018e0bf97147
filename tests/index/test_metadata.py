"""Size and EXIF time: recorded on request, kept by every command, filtered exactly."""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nachash import Index
from nachash.codes import hamming, pack
from nachash.errors import MissingError, UsageError
from nachash.index import writer
from nachash.index.reader import open_index
from nachash.index.rows import Changes
from nachash.index.salvage import salvage
from nachash.index.storage.naming import new_file
from nachash.index.verification import problems
from nachash.records import Preprocessing, Reference
from nachash.results.index import UNKNOWN_TIME, Metadata
from nachash.tasks.encode.encode import EncodeSettings, encode
from nachash.tasks.index.add import AddSettings, add
from nachash.tasks.index.compact import CompactSettings, compact
from nachash.tasks.index.info import InfoSettings, info
from nachash.tasks.index.merge import MergeSettings, merge
from nachash.tasks.index.remove import RemoveSettings, remove
from nachash.tasks.search.row_filter import matching, parsed
from nachash.tasks.search.search import SearchSettings, search
from nachash.tasks.search.searchable import Searchable

EPOCH = dt.datetime.fromisoformat("1970-01-01")
FIRST = dt.datetime.fromisoformat("2023-05-01")


def picture(path, width, height, taken=None):
    path.parent.mkdir(exist_ok=True)
    exif = Image.Exif()
    if taken:
        exif[0x8769] = {0x9003: taken}
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path, exif=exif)


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("NACHASH_STATE", str(tmp_path / "state"))


@pytest.fixture
def album(tmp_path, tiny_model):
    """The index of five pictures, three of which say when they were taken."""
    for number in range(5):
        taken = f"2023:05:0{number + 1} 10:00:00" if number < 3 else None
        picture(tmp_path / "album" / f"{number}.jpg", 20 + number, 12, taken)
    out = tmp_path / "album.h5"
    made = {"images": str(tmp_path / "album"), "out": out, "model": tiny_model, "workers": 0}
    encode(EncodeSettings(**made, metadata=True))
    return out


def rows(path):
    """Path to width, height, time in words."""
    with open_index(path) as index:
        metadata = index.metadata()
        return {name: metadata.fields(row) for row, name in enumerate(index.all_paths())}


ALBUM = {
    "0.jpg": {"width": 20, "height": 12, "taken": "2023-05-01T10:00:00"},
    "1.jpg": {"width": 21, "height": 12, "taken": "2023-05-02T10:00:00"},
    "2.jpg": {"width": 22, "height": 12, "taken": "2023-05-03T10:00:00"},
    "3.jpg": {"width": 23, "height": 12},
    "4.jpg": {"width": 24, "height": 12},
}


def test_encode_records_what_pictures_say(album):
    assert rows(album) == ALBUM
    assert list(problems(album)) == []
    assert info(InfoSettings(index=album)).metadata == ("width", "height", "taken")


def test_it_is_recorded_for_later_pictures_without_being_asked_for_again(album, tmp_path):
    picture(tmp_path / "album" / "5.jpg", 30, 40, "2024:01:01 00:00:01")

    add(AddSettings(images=str(tmp_path / "album"), index=album, workers=0))

    new = {"width": 30, "height": 40, "taken": "2024-01-01T00:00:01"}
    assert rows(album) == ALBUM | {"5.jpg": new}


def test_pictures_that_were_there_before_have_none(encoded, tiny_model, said):
    photos = encoded.parent / "photos"
    assert info(InfoSettings(index=encoded)).metadata is None
    picture(photos / "cat" / "new.jpg", 30, 40)

    encode(
        EncodeSettings(images=str(photos), out=encoded, model=tiny_model, workers=0, metadata=True)
    )

    known = rows(encoded)
    assert known.pop("cat/new.jpg") == {"width": 30, "height": 40}
    assert list(known.values()) == [{}] * 12
    assert "no metadata" in said[-1]
    assert list(problems(encoded)) == []


def test_compact_merge_and_repair_keep_it(album, tmp_path, encoded):
    remove(RemoveSettings(paths=("1.jpg",), index=album))
    kept = {name: fields for name, fields in ALBUM.items() if name != "1.jpg"}
    with open_index(album) as index, new_file(tmp_path / "saved.h5") as new:
        salvage(index, new)
        new.take_name()
    assert rows(tmp_path / "saved.h5") == kept

    compact(CompactSettings(index=album))
    assert rows(album) == kept

    for order in ((album, encoded), (encoded, album)):
        out = tmp_path / "merged.h5"
        merge(MergeSettings(indexes=order, out=out, overwrite=True))
        merged = rows(out)
        assert {name: merged[f"album/{name}"] for name in kept} == kept
        assert sum(fields == {} for fields in merged.values()) == 12
        assert list(problems(out)) == []


def test_search_shows_it_to_people_and_machines(album, tmp_path, nachash):
    line = ("search", "album/1.jpg", "--index", "album.h5", "--json")

    found = nachash(*line, "--where", "taken>=2023-05-02", "--where", "width<100", cwd=tmp_path)

    hits = [json.loads(text) for text in found.out.splitlines()]
    assert {hit["path"] for hit in hits} == {"album/1.jpg", "album/2.jpg"}
    assert all(hit.items() >= ALBUM[hit["path"].removeprefix("album/")].items() for hit in hits)
    plain = nachash(*line, "--where", "width>=23", cwd=tmp_path)
    assert "taken" not in json.loads(plain.out.splitlines()[0])


def test_hits_in_python_tell_what_the_index_holds(album, tmp_path):
    found = Index.open(album).search([tmp_path / "album" / "0.jpg"], k=10)[0]

    told = {Path(hit.path).name: (hit.width, hit.height, hit.taken) for hit in found}
    for name, known in rows(album).items():
        expected = tuple(known.get(field) for field in ("width", "height", "taken"))
        assert told[Path(name).name] == expected


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """300 rows: every ninth without a size, every seventh without a time."""
    generator = np.random.default_rng(3)
    first = int((FIRST - EPOCH).total_seconds())
    table = np.stack(
        [
            generator.integers(1, 50, 300),
            generator.integers(1, 50, 300),
            first + generator.integers(-3 * 86_400, 3 * 86_400, 300),
        ]
    )
    table[:2, ::9], table[2, ::7] = 0, UNKNOWN_TIME
    table[2, 1:6] = first + np.array([-1, 0, 1, 86_399, 86_400])
    path = tmp_path_factory.mktemp("metadata") / "x.h5"
    with writer.create(
        path, bits=16, preprocessing=Preprocessing(8), encoder=b"e", model={}, root="/r"
    ) as index:
        index.append(
            pack(generator.random((300, 16)) < 0.5),
            [Reference(f"{row}.jpg", 1, 1) for row in range(300)],
            changes=Changes(metadata=Metadata(*table)),
        )
    return path, table.T.tolist()


HOLDS = {
    "=": lambda low, high, x: low <= x <= high,
    "!=": lambda low, high, x: not low <= x <= high,
    "<": lambda low, _, x: x < low,
    "<=": lambda _, high, x: x <= high,
    ">": lambda _, high, x: x > high,
    ">=": lambda low, _, x: x >= low,
}
MOMENTS = ["2023-05-01", "2023-05-01T00:00:00", "2023-05-02", "2023-05-01 23:59:59", "1890-01-01"]


def holds(row, field, comparison, value):
    """The definition, on Python's own dates and numbers."""
    width, height, taken = row
    if field in ("width", "height"):
        number = {"width": width, "height": height}[field]
        return number > 0 and HOLDS[comparison](int(value), int(value), number)
    if taken == UNKNOWN_TIME:
        return False
    low = dt.datetime.fromisoformat(value)
    day = dt.timedelta(days=1) - dt.timedelta(seconds=1)
    high = low if " " in value or "T" in value else low + day
    return HOLDS[comparison](low, high, EPOCH + dt.timedelta(seconds=taken))


@settings(deadline=None, max_examples=60)
@given(
    chosen=st.lists(
        st.tuples(
            st.sampled_from(["width", "height"]),
            st.sampled_from(sorted(HOLDS)),
            st.integers(0, 55).map(str),
        )
        | st.tuples(st.just("taken"), st.sampled_from(sorted(HOLDS)), st.sampled_from(MOMENTS)),
        min_size=1,
        max_size=3,
    ),
    k=st.integers(1, 40),
)
def test_filters_on_it_are_exact_and_come_before_the_ranking(gallery, chosen, k):
    path, table = gallery
    wanted = [i for i, row in enumerate(table) if all(holds(row, *each) for each in chosen)]
    where = tuple("".join(each) for each in chosen)
    with open_index(path) as index:
        kept = matching(Searchable(index), [parsed(text) for text in where], [])
        distances = hamming(index.codes()[:1], index.codes())[0].tolist()
    assert np.flatnonzero(kept).tolist() == wanted

    answer = search(SearchSettings(ids=(0,), index=path, k=k, where=where))

    ranked = sorted((distances[i], i) for i in wanted if i != 0)[:k]
    assert [(hit.distance, hit.id) for hit in answer.hits[0]] == ranked


@pytest.mark.parametrize(
    "text",
    ["width>wide", "height=-1", "taken>yesterday", "taken>2023-05-01T00:00+02:00", "taken=12:30",
     "taken<2023-05-01T00:00:00.5"],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(gallery, text):
    with pytest.raises(UsageError) as told:
        search(SearchSettings(ids=(0,), index=gallery[0], where=(text,)))
    assert "taken>=2023-05-01" in told.value.hint


@pytest.mark.parametrize("text", ["width>1", "height>1", "taken>2020-01-01"])
def test_an_index_without_metadata_says_so(encoded, text):
    with pytest.raises(MissingError, match="no metadata") as told:
        search(SearchSettings(ids=(0,), index=encoded, where=(text,)))
    assert "--metadata" in told.value.hint
