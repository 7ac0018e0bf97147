"""`linear`: subsets, seeds and the split decide; labels of test images decide nothing."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from nachash.errors import DamagedError, MissingError, UsageError
from nachash.report import confusion
from nachash.report import linear as report
from nachash.tasks.linear.linear import LinearSettings, linear
from nachash.tasks.linear.solvers import subset_of


@pytest.fixture(scope="module")
def model(indexed_digits):
    return indexed_digits / "runs" / "model"


@pytest.fixture(scope="module")
def images(indexed_digits):
    return str(indexed_digits / "images")


def settings(model, **changes):
    usual = {"models": (model,), "dataset": "digits", "device": "cpu", "workers": 0}
    return LinearSettings(**{**usual, **changes})


def without_times(probe):
    timeless = tuple(dataclasses.replace(each, seconds=0.0) for each in probe.results)
    return list(report.json(dataclasses.replace(probe, results=timeless, seconds=0.0)))


@pytest.fixture(scope="module")
def probe(model):
    return linear(settings(model, features=("features", "code"), fractions=(0.1, 1.0), seeds=2))


def test_results_follow_models_features_and_fractions(probe):
    rows = [(each.features, each.train, each.test) for each in probe.results]

    assert rows == [(kind, count, 500) for kind in ("features", "code") for count in (129, 1297)]
    for each in probe.results:
        assert each.accuracy == pytest.approx(np.mean(each.accuracies))
        assert each.spread == pytest.approx(np.std(each.accuracies, ddof=1))
        assert len(each.penalties) == 2
        assert each.confusion.sum(axis=1).tolist() == [100] * 10
        assert np.trace(each.confusion) / 1000 == pytest.approx(each.accuracy)
        assert each.seen == 0
    few, many, few_code, many_code = (each.accuracy for each in probe.results)
    assert 0.25 < few < many
    assert 0.25 < few_code < many_code < many
    assert probe.chance == pytest.approx(0.1)


def test_the_same_seed_gives_the_same_result_and_another_another(probe, model):
    again = linear(settings(model, features=("features", "code"), fractions=(0.1, 1.0), seeds=2))
    other = linear(settings(model, fractions=(0.1,), seed=1))

    assert without_times(again) == without_times(probe)
    assert other.sha256 != probe.sha256


def test_labels_of_test_images_do_not_touch_what_is_chosen(model, indexed_digits, tmp_path):
    """The same test images in other folders: the same penalty, another accuracy."""
    for name, turn in (("right", 0), ("wrong", 1)):
        for folder in (indexed_digits / "images").iterdir():
            shutil.copytree(folder, tmp_path / name / str((int(folder.name) + turn) % 10))
    folder = str(indexed_digits / "images")

    right, wrong = (
        linear(settings(model, dataset=None, images=folder, test=str(tmp_path / name)))
        for name in ("right", "wrong")
    )

    assert right.results[0].penalties == wrong.results[0].penalties
    assert right.results[0].accuracy > 0.8 > 0.2 > wrong.results[0].accuracy
    shifted = np.roll(right.results[0].confusion, 1, axis=0)
    assert wrong.results[0].confusion.tolist() == shifted.tolist()


def test_a_folder_is_split_by_class_and_seed(model, images):
    one, again = (linear(settings(model, dataset=None, images=images)) for _ in range(2))
    other = linear(settings(model, dataset=None, images=images, seed=3))

    assert one.results[0].train + one.results[0].test == 200
    assert abs(one.results[0].test - 40) <= 5
    assert one.sha256 == again.sha256 != other.sha256
    assert one.results[0].seen is None
    assert one.poster is None


def test_images_that_cannot_be_read_are_left_out_and_told(model, images, tmp_path):
    shutil.copytree(images, tmp_path / "images")
    (tmp_path / "images" / "3" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (tmp_path / "images" / "4" / "gone.png").symlink_to(tmp_path / "nowhere.png")

    probe = linear(settings(model, dataset=None, images=str(tmp_path / "images")))

    assert {image.path for image in probe.skipped} == {"3/broken.png", "4/gone.png"}
    assert probe.results[0].train + probe.results[0].test == 200


def test_the_published_solver_learns_and_repeats(model):
    told = []
    published = settings(model, solver="published", epochs=8, fractions=(0.2,))

    def progress(stage, done, total, **numbers):
        told.append((stage, done, total, *numbers))

    one, again = (linear(published, progress=progress) for _ in range(2))

    assert without_times(one) == without_times(again)
    assert one.results[0].accuracy > 0.15
    assert (one.epochs, one.results[0].train) == (8, 259)
    assert ("model features", 8, 8, "loss") in told


def test_neighbours_are_counted_once_where_no_seed_matters(model):
    probe = linear(settings(model, solver="knn", seeds=3, fractions=(0.1, 1.0), features=("code",)))

    few, all_ = probe.results
    assert (len(few.accuracies), len(all_.accuracies), all_.spread) == (3, 1, None)
    assert few.accuracy > 0.2
    assert all_.accuracy > 0.2


def test_who_saw_the_test_images_is_told(model, said):
    """The model learned from the digits of seed 0; seed 1 tests on others."""
    probe = linear(settings(model, seed=1, solver="knn"))

    assert probe.results[0].seen > 300
    assert any(f"on {probe.results[0].seen} of the 500 test images" in line for line in said)


def test_subsets_of_a_seed_are_nested():
    classes = np.arange(300) % 3

    small, large = (set(subset_of(classes, f, 4).tolist()) for f in (0.1, 0.5))

    assert len(small) == 30
    assert small < large


def test_a_picture_and_json_have_every_result(probe, tmp_path):
    confusion.draw(probe, tmp_path / "c.png")

    lines = [json.loads(line) for line in report.json(probe)]
    text = "\n".join(report.text(probe))
    with Image.open(tmp_path / "c.png") as picture:
        assert min(picture.size) > 800
    assert [line["accuracy"] for line in lines] == [each.accuracy for each in probe.results]
    for each in probe.results:
        assert f"{100 * each.accuracy:.2f} % ± {100 * each.spread:.2f}" in text


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"dataset": "flickr25k"}, "several labels"),
        ({"dataset": None}, "one source"),
        ({"images": "x"}, "one source"),
        ({"test": "x"}, "has its own"),
        ({"fractions": (0.0,)}, "fraction"),
        ({"epochs": 3}, "no epochs"),
        ({"seeds": 0}, "at least one seed"),
        ({"seed": -1}, "count from 0"),
        ({"fractions": (0.01,)}, "class '0' has 1 image"),
    ],
)
def test_settings_that_make_no_sense_are_one_sentence(model, changes, word):
    with pytest.raises(UsageError, match=word):
        linear(settings(model, **changes))


def few(folder, counts):
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (40, 40), (9 * number, 0, 0)).save(folder / name / f"{number}.png")
    return str(folder)


@pytest.mark.parametrize(
    ("counts", "word"),
    [
        ({"cat": 6}, "one class, 'cat'"),
        ({"cat": 6, "dog": 1}, "class 'dog' has 1 image"),
        ({"cat": 6, "dog": 2}, "class 'dog' has 1 image"),
        ({".": 3}, "no labels"),
    ],
)
def test_folders_that_give_no_task_are_refused(model, tmp_path, counts, word):
    (tmp_path / "images").mkdir()
    if "." in counts:
        Image.new("RGB", (40, 40)).save(tmp_path / "images" / "a.png")
    else:
        few(tmp_path / "images", counts)

    with pytest.raises(UsageError, match=word):
        linear(settings(model, dataset=None, images=str(tmp_path / "images")))


def test_a_class_that_was_never_learned_is_refused(model, tmp_path):
    train = few(tmp_path / "train", {"cat": 4, "dog": 4})
    test = few(tmp_path / "test", {"cat": 2, "cow": 2})

    with pytest.raises(UsageError, match="'cow'"):
        linear(settings(model, dataset=None, images=train, test=test))


def test_a_model_that_is_missing_damaged_or_mixed_is_refused(model, tmp_path):
    with pytest.raises(MissingError):
        linear(settings(tmp_path / "nothing"))
    mixed = shutil.copytree(model, tmp_path / "mixed")
    tensors = load_file(mixed / "model.safetensors")
    changed = {
        name: -tensor if tensor.is_floating_point() and "head" in name else tensor
        for name, tensor in tensors.items()
    }
    save_file(changed, mixed / "model.safetensors")
    with pytest.raises(DamagedError, match="not those that its ONNX graph"):
        linear(settings(mixed))
    infinite = {name: t * float("nan") if "weight" in name else t for name, t in tensors.items()}
    save_file(infinite, mixed / "model.safetensors")
    with pytest.raises(DamagedError, match="not finite"):
        linear(settings(mixed))
    (mixed / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(DamagedError):
        linear(settings(mixed))
