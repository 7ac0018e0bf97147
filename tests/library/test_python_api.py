"""The Python API: its page's examples run, it agrees with the command line."""

import io
import json
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import nachash as package
from nachash.datasets import digits
from nachash.errors import ExistsError, ImageError, MissingError, UsageError

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


@pytest.fixture
def scene(tmp_path, indexed_digits, monkeypatch):
    """The folder in which the page's examples run: `photos`, `query.png` and `model`."""
    data = digits.load()
    labels = data.labels.multi_hot.argmax(1)
    (tmp_path / "photos").mkdir()
    for row in range(150):
        Image.fromarray(data.pixels[row]).save(tmp_path / f"photos/{labels[row]}-{row:04}.png")
    Image.fromarray(data.pixels[200]).save(tmp_path / "query.png")
    (tmp_path / "model").symlink_to(indexed_digits / "runs" / "model")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def encoder(scene):
    return package.Encoder.load("model")


@pytest.fixture
def index(scene, encoder):
    made = package.Index.create("photos.h5", encoder, root="photos")
    made.add(sorted(Path("photos").glob("*.png")))
    return made


@pytest.mark.parametrize("first", [1, pytest.param(0, marks=pytest.mark.slow)])
def test_the_examples_of_the_page_run_in_order(scene, capsys, first):
    """All of them; the first, which trains, in the slow test only."""
    names = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for block in blocks[first:]:
        exec(compile(block, str(PAGE), "exec"), names)

    assert names["codes"].shape == (1, 8)
    assert len(names["index"]) == 149  # two were removed, one of them added again
    assert names["page"].startswith("<table>")
    assert 0 < names["value"] <= 1
    assert "150 images, 64 bits" in capsys.readouterr().out
    assert not (scene / "runs").exists()


def test_importing_the_package_loads_nothing():
    script = (
        "import sys, nachash; print(sorted({'numpy', 'h5py', 'torch', 'faiss'} & {*sys.modules}))"
    )

    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert finished.stdout == "[]\n"


def test_every_public_name_is_there_and_no_other():
    for name in package.__all__:
        assert name in dir(package)
        assert getattr(package, name).__doc__
    with pytest.raises(AttributeError, match="nonsense"):
        _ = package.nonsense


def test_the_command_line_gives_the_same_hits(index, nachash, scene):
    finished = nachash("search", "query.png", "--index", "photos.h5", "-k", 7, "--json", cwd=scene)
    printed = [json.loads(line) for line in finished.out.splitlines()]

    found = index.search(["query.png"], k=7)[0]

    assert [(hit.id, hit.distance, hit.path) for hit in found] == [
        (hit["id"], hit["distance"], hit["path"]) for hit in printed
    ]


def test_paths_images_and_arrays_give_the_same_code(encoder):
    image = Image.open("query.png")

    codes = encoder.encode(["query.png", Path("query.png"), image, np.asarray(image)])

    assert len({code.tobytes() for code in codes}) == 1
    assert encoder.encode([]).shape == (0, 8)


def test_within_is_inclusive_and_an_index_grows(index):
    every = index.search(["query.png"], k=200)[0]
    radius = every[10].distance

    found = index.within(["query.png"], radius)[0]
    assert found == [hit for hit in every if hit.distance <= radius]

    Image.open("query.png").save("photos/new.png")
    index.add(["photos/new.png"])
    assert len(index) == 151
    assert "photos/new.png" in {hit.path for hit in index.within(["query.png"], 0)[0]}


def test_filters_and_reranking_give_what_the_command_line_gives(index, nachash, scene):
    for flags, settings in (
        (["--where", "path=3-*"], {"where": ["path=3-*"]}),
        (["--under", "photos/nowhere"], {"under": ["nowhere"]}),
        (["--rerank", "40"], {"rerank": 40}),
        (["--rerank", "3"], {"rerank": 3}),
    ):
        finished = nachash(
            "search", "query.png", "--index", "photos.h5", "-k", 7, "--json", "--no-exit-code",
            *flags, cwd=scene,
        )  # fmt: skip
        printed = [json.loads(line) for line in finished.out.splitlines()]

        found = index.search(["query.png"], k=7, **settings)[0]

        assert [(hit.id, hit.distance, hit.asymmetric) for hit in found] == [
            (hit["id"], hit["distance"], hit.get("asymmetric")) for hit in printed
        ]


def test_codes_can_be_searched(index):
    query = index.encoder.encode(["query.png"])

    by_code, by_picture = index.search_codes(query, k=9), index.search(["query.png"], k=9)

    assert [(h.id, h.distance) for h in by_code[0]] == [(h.id, h.distance) for h in by_picture[0]]
    assert index.ids.tolist() == list(range(150))
    with pytest.raises(UsageError, match="bytes"):
        index.search_codes(query[:, :4])


def test_hits_of_a_batch_are_arrays_and_lists_on_demand(index):
    pictures = ["query.png", f"photos/{index.paths[0]}"]
    found = index.search(pictures, k=4, rerank=2)

    assert found.ends.tolist() == [4, 8]
    hits = [hit for row in found for hit in row]
    assert found.ids.tolist() == [hit.id for hit in hits]
    assert found.distances.tolist() == [hit.distance for hit in hits]
    assert [f"photos/{path}" for path in found.paths] == [hit.path for hit in hits]
    assert found.labels == [None] * 8
    weights = [math.nan if hit.asymmetric is None else hit.asymmetric for hit in hits]
    np.testing.assert_array_equal(found.asymmetric, weights)
    np.testing.assert_array_equal(
        np.bitwise_count(
            index.codes[found.positions] ^ index.encoder.encode(pictures).repeat(4, 0)
        ).sum(1),
        found.distances,
    )
    assert found[-1] == found[1]
    with pytest.raises(IndexError):
        _ = found[2]


def test_a_radius_is_measured_once_and_used(index, nachash, scene):
    with pytest.raises(MissingError, match="not calibrated"):
        index.within(["query.png"])

    measured = index.calibrate(images=10)

    assert index.within(["query.png"]) == index.within(["query.png"], measured.similar_radius)
    found = index.duplicates()
    assert found.max_distance >= measured.same_photo_radius
    assert index.duplicates(codes_only=True).max_distance == measured.same_photo_radius
    finished = nachash("dedup", "photos.h5", "--json", "--no-exit-code", cwd=scene)
    printed = [json.loads(line)["images"] for line in finished.out.splitlines()]
    assert [[each.id for each in group] for group in found.groups] == [
        [each["id"] for each in group] for group in printed
    ]


def test_labels_are_known(indexed_digits):
    labelled = package.Index.open(indexed_digits / "out.h5")

    hit = labelled.search([indexed_digits / "query.jpg"], k=1)[0][0]

    row = labelled.ids.tolist().index(hit.id)
    assert hit.label == labelled.label_names[labelled.labels[row].argmax()]


def test_one_picture_alone_is_refused(index):
    with pytest.raises(UsageError, match="one picture"):
        index.search("query.png")


def test_a_folder_is_added_as_a_whole(index, encoder):
    whole = package.Index.create("whole.h5", encoder, root="photos")

    whole.add("photos")

    assert sorted(whole.paths) == sorted(index.paths)
    whole.remove(whole.paths)
    Path("photos/bad.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"bad\.png"):
        whole.add("photos")


def test_removed_images_are_found_no_more(index, nachash, scene):
    hits = index.search(["query.png"], k=5)[0]
    by_id, by_path, from_here = (hit.path for hit in hits[:3])
    index.remove([hits[0].id, Path(by_path).name, from_here])

    assert [hit.id for hit in index.search(["query.png"], k=2)[0]] == [hit.id for hit in hits[3:]]
    assert len(index) == len(package.Index.open("photos.h5")) == 147
    assert by_id not in {f"photos/{path}" for path in index.paths}
    searched = nachash("search", "query.png", "--index", "photos.h5", "-k", 1, cwd=scene)
    assert searched.out.split() == [hits[3].path]


def test_an_index_follows_its_images(index):
    before = [hit.path for hit in index.search(["query.png"], k=2)[0]]
    shutil.move("photos", "pictures")

    moved = index.relocate("photos", "pictures")

    assert moved.images == 150
    after = [hit.path for hit in index.search(["query.png"], k=2)[0]]
    assert after == [path.replace("photos/", "pictures/") for path in before]
    with pytest.raises(MissingError):
        index.relocate("pictures", "nowhere")


def test_removing_what_is_not_there_removes_none(index):
    first = index.paths[0]
    for unknown in (100_000, "nowhere.png"):
        with pytest.raises(MissingError):
            index.remove([first, unknown])
    index.remove([])

    assert len(package.Index.open("photos.h5")) == 150


def test_an_index_shows_itself_with_a_few_pictures(index):
    Path("photos", index.paths[0]).unlink()

    page = index._repr_html_()
    console = Console(width=200, file=io.StringIO())
    console.print(index)

    for fact in ("150", "64 bits", "photos.h5"):
        assert fact in page
        assert fact in console.file.getvalue()
    assert page.count("<img") == page.count("data:image/png;base64,") == 8
    assert len(page) < 100_000


def test_an_index_whose_pictures_are_gone_still_shows_its_facts(index):
    shutil.rmtree("photos")

    assert "<img" not in index._repr_html_()
    assert "150" in index._repr_html_()


def test_hits_and_duplicates_show_themselves_with_pictures(index):
    found = index.search(["query.png", f"photos/{index.paths[0]}"], k=3)
    shown = found._repr_html_()

    assert shown.count("<img") == shown.count("data:image/png;base64,") == 6
    assert all(f"{hit.distance} bits" in shown for row in found for hit in row)
    groups = index.duplicates(radius=6, codes_only=True)
    shown = groups._repr_html_()
    assert f"{len(groups.groups):,}" in shown
    assert 2 <= shown.count("<img") <= 64
    assert "<figcaption>keep</figcaption>" in shown
    assert len(shown) < 300_000


def test_an_evaluation_is_that_of_the_command_and_shows_its_curve(indexed_digits, nachash):
    scores = package.evaluate(indexed_digits / "out.h5", at=50)
    finished = nachash("eval-map", "--index", "out.h5", "--at", 50, "--json", cwd=indexed_digits)

    assert scores.map == pytest.approx(json.loads(finished.out)["map"])
    shown = scores._repr_html_()
    assert f"{100 * scores.map:.2f} %" in shown
    assert shown.count("<svg") == 1
    with pytest.raises(TypeError, match="nonsense"):
        package.evaluate(indexed_digits / "out.h5", nonsense=1)


@pytest.mark.slow
def test_training_gives_the_encoder_that_the_command_writes(scene):
    encoder = package.train("photos", method="lsh", bits=16, size=8, out="lsh", latest=False)

    codes = encoder.encode(["query.png"])
    assert codes.shape == (1, 2)
    assert (codes == package.Encoder.load("lsh").encode(["query.png"])).all()


@pytest.mark.slow
def test_a_comparison_trains_and_measures_every_cell(scene):
    experiment = package.compare(["lsh", "pca"], bits=[8, 16], out="cells", size=8, workers=0)

    assert len(experiment.cells) == 4


def test_adding_a_bad_file_adds_none(index):
    Path("photos/bad.png").write_bytes(b"no image")
    Image.open("query.png").save("photos/good.png")

    with pytest.raises(ImageError, match=r"bad\.png"):
        index.add(["photos/good.png", "photos/bad.png"])

    assert len(package.Index.open("photos.h5")) == 150


def test_added_images_are_labelled_by_their_folder_as_the_others_are(nachash, scene):
    for name in ("cats", "dogs", "birds"):
        Path(name).mkdir()
        Image.open("query.png").save(f"{name}/1.png")
    Path("animals").mkdir()
    for name in ("cats", "dogs"):
        shutil.move(name, "animals")
    finished = nachash("encode", "animals", "animals.h5", "--model", "model", cwd=scene)
    assert finished.code == 0
    index = package.Index.open("animals.h5")
    shutil.move("birds", "animals")
    Image.open("query.png").save("animals/cats/2.png")
    Image.open("query.png").save("animals/loose.png")

    index.add("animals/birds")
    index.add(["animals/cats/2.png", "animals/loose.png"])

    assert index.label_names == ("cats", "dogs", "birds")
    assert dict(zip(index.paths, index.labels.tolist(), strict=True)) == {
        "cats/1.png": [1, 0, 0],
        "dogs/1.png": [0, 1, 0],
        "birds/1.png": [0, 0, 1],
        "cats/2.png": [1, 0, 0],
        "loose.png": [0, 0, 0],
    }
    assert nachash("index", "verify", "animals.h5", cwd=scene).code == 0


def test_errors_are_sentences(index, encoder):
    with pytest.raises(ExistsError):
        package.Index.create("photos.h5", encoder)
    with pytest.raises(MissingError):
        package.Index.open("nowhere.h5")
    with pytest.raises(ImageError, match=r"nowhere\.png"):
        index.search(["nowhere.png"])
    with pytest.raises(UsageError, match="below"):
        index.add(["query.png"])
    with pytest.raises(UsageError, match="already"):
        index.add("photos")
    with pytest.raises(UsageError, match="uint8"):
        encoder.encode(np.zeros((1, 4, 4, 3)))
    with pytest.raises(UsageError, match="learned nothing"):
        package.Hasher().transform(["query.png"])


def test_mean_average_precision_of_a_hand_made_case():
    gallery = np.array([[0b0], [0b1], [0b11], [0b111]], np.uint8)
    query = np.array([[0]], np.uint8)

    value = package.mean_average_precision(query, gallery, [1], [1, 0, 1, 0])

    assert value == pytest.approx((1 / 1 + 2 / 3) / 2)
    hot = np.eye(2, dtype=np.uint8)
    assert package.mean_average_precision(query, gallery, hot[[1]], hot[[1, 0, 1, 0]]) == value
    with pytest.raises(UsageError, match="label"):
        package.mean_average_precision(query, gallery, [1], [1])


def test_a_hasher_is_cloned_and_set_as_scikit_learn_does_it():
    from sklearn.base import clone
    from sklearn.pipeline import make_pipeline

    hasher = package.Hasher(bits=32, epochs=1, method="pca")

    copy = clone(make_pipeline(hasher)).set_params(hasher__bits=16)[0]

    assert copy.get_params() == {"bits": 16, "epochs": 1, "seed": 0, "method": "pca"}
    assert hasher.bits == 32
    with pytest.raises(UsageError, match="nonsense"):
        hasher.set_params(nonsense=1)


@pytest.mark.slow
def test_a_pipeline_hashes_and_classifies():
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    data = digits.load()
    pixels, labels = data.pixels[:300], data.labels.multi_hot[:300].argmax(1)
    bits = FunctionTransformer(lambda codes: np.unpackbits(codes, axis=1))
    pipeline = make_pipeline(
        package.Hasher(bits=32, method="pca"), bits, KNeighborsClassifier(1, metric="hamming")
    )

    pipeline.fit(pixels[:250], labels[:250])

    assert pipeline.score(pixels[250:], labels[250:]) > 0.3  # chance is 0.1
