import codecs
import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from nachash import plugins
from nachash.datasets import (
    DataSet,
    _cifar_batches,
    _flickr_subset,
    cifar10,
    default_root,
    flickr25k,
    imagenet,
)
from nachash.datasets import digits as digits_module
from nachash.datasets._sampling import drawn, drawn_per_class, generator
from nachash.errors import DamagedError, MissingError, UsageError

NAMES = plugins.names("datasets")


def touch(root, paths):
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")


def classes_of(dataset: DataSet):
    return dataset.labels.multi_hot.argmax(axis=1)


def is_sound(split, count):
    """Positions sorted, in range, unique; no query in the gallery; training from the gallery."""
    for positions in (split.query, split.gallery, split.train):
        assert positions.dtype == np.int64
        assert (np.diff(positions) > 0).all()
        assert positions.min() >= 0
        assert positions.max() < count
    assert not np.intersect1d(split.query, split.gallery).size
    assert np.isin(split.train, split.gallery).all()
    return True


def same(one, other):
    return all(
        np.array_equal(getattr(one, part), getattr(other, part))
        for part in ("query", "gallery", "train")
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_data_set_says_what_it_is_and_what_could_be_fetched(name):
    module = plugins.load("datasets", name)

    assert plugins.summary("datasets", name).endswith(".")
    assert all(len(archive.md5) == 32 and archive.bytes > 0 for archive in module.ARCHIVES)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"digits"}))
def test_a_missing_data_set_says_where_it_was_looked_for(name, tmp_path, monkeypatch):
    monkeypatch.setenv("NACHASH_DATA", str(tmp_path / "data"))

    with pytest.raises(MissingError) as caught:
        plugins.load("datasets", name).load()

    assert str(tmp_path / "data" / name) in caught.value.sentence
    assert "--data-root" in caught.value.hint


def test_without_a_wish_data_sets_are_in_the_users_cache(monkeypatch):
    monkeypatch.delenv("NACHASH_DATA", raising=False)

    assert default_root("cifar10").parts[-3:] == ("nachash", "datasets", "cifar10")


def test_drawing_is_uniform_and_without_repetition():
    random = generator(0)
    hits = np.zeros(10)
    for _ in range(2_000):
        chosen = drawn(np.arange(10), 3, random)
        assert len(np.unique(chosen)) == 3
        hits[chosen] += 1

    assert np.abs(hits - 600).max() < 120


def test_drawing_more_than_there_is_is_an_error():
    with pytest.raises(UsageError, match="draws 5 images, but there are 3"):
        drawn(np.arange(3), 5, generator(0))
    with pytest.raises(UsageError, match="one class has 1"):
        drawn_per_class(np.arange(3), np.array([0, 0, 1]), 2, generator(0))


def test_the_generator_gives_the_same_numbers_on_every_machine():
    """PCG64 with seed 0, as NumPy's documentation of reproducibility promises."""
    assert generator(0).integers(0, 1000, 4).tolist() == [850, 636, 511, 269]


def test_the_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    digits, bundled = digits_module.load(), load_digits()
    assert digits.pixels is not None
    assert digits.pixels.shape == (1797, 32, 32, 3)
    back = digits.pixels[:, 1::4, 2::4, 1] / 255 * 16
    np.testing.assert_allclose(back, bundled.images, atol=0.04)
    assert [digits.labels.names[each] for each in classes_of(digits)] == [
        str(target) for target in bundled.target
    ]
    assert digits.paths[5] == f"{bundled.target[5]}/0005.png"
    assert len(set(digits.paths)) == 1797


def test_the_protocol_of_the_digits_takes_fifty_queries_of_each():
    digits = digits_module.load()
    protocol = digits.protocols[digits.default_protocol]

    split = protocol(3)

    assert is_sound(split, 1797)
    assert np.bincount(classes_of(digits)[split.query]).tolist() == [50] * 10
    assert len(split.gallery) == len(split.train) == 1297
    assert same(split, protocol(3))
    assert not same(split, protocol(4))


def test_protocol_two_of_cifar_draws_a_thousand_queries_and_five_hundred_of_each_class():
    classes = generator(9).permutation(np.arange(60_000) % 10)

    split = cifar10.split_two(classes, 1)

    assert is_sound(split, 60_000)
    assert (len(split.query), len(split.gallery), len(split.train)) == (10_000, 50_000, 5_000)
    assert np.bincount(classes[split.query]).tolist() == [1_000] * 10
    assert np.bincount(classes[split.train]).tolist() == [500] * 10
    assert same(split, cifar10.split_two(classes, 1))
    assert not same(split, cifar10.split_two(classes, 2))


def test_the_small_protocol_of_cifar_has_a_hundred_queries_of_each_class():
    classes = generator(9).permutation(np.arange(60_000) % 10)

    split = cifar10.split_small(classes, 1)

    assert is_sound(split, 60_000)
    assert (len(split.query), len(split.gallery), len(split.train)) == (1_000, 59_000, 5_000)
    assert np.bincount(classes[split.query]).tolist() == [100] * 10


def test_validation_queries_of_cifar_are_no_queries_of_protocol_two_and_not_in_training():
    classes = generator(9).permutation(np.arange(60_000) % 10)

    validation, two = cifar10.split_validation(classes, 1), cifar10.split_two(classes, 1)

    assert validation.train.tolist() == two.train.tolist()
    assert np.bincount(classes[validation.query]).tolist() == [1_000] * 10
    assert not np.isin(validation.query, [*two.query, *two.train]).any()
    assert not np.isin(validation.gallery, [*two.query, *validation.query]).any()
    assert len(validation.gallery) == 40_000


def test_protocol_one_of_cifar_is_the_official_split():
    split = cifar10.split_one(["train"] * 5 + ["test"] * 2, 1)

    assert is_sound(split, 7)
    assert split.query.tolist() == [5, 6]
    assert split.train.tolist() == split.gallery.tolist() == [0, 1, 2, 3, 4]


class AsPython2(pickle.Pickler):
    """Writes arrays as the official files do: numpy.core, numbers for flags, latin-1 bytes."""

    def reducer_override(self, thing):
        if isinstance(thing, np.dtype):
            return np.dtype, (thing.str[1:], 0, 1), (3, "|", None, None, None, -1, -1, 0)
        return NotImplemented


def cifar_rows(count, seed):
    random = generator(seed)
    return random.integers(0, 256, (count, 3072), dtype=np.uint8), random.integers(0, 10, count)


BATCHES = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]


def write_python(folder: Path):
    folder.mkdir(parents=True)
    for seed, name in enumerate(BATCHES):
        rows, classes = cifar_rows(3, seed)
        buffer = io.BytesIO()
        content = {"data": rows, "labels": classes.tolist(), "batch_label": name}
        AsPython2(buffer, protocol=2).dump(content)
        text = buffer.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
        (folder / name).write_bytes(text)


def write_binary(folder: Path):
    folder.mkdir(parents=True)
    for seed, name in enumerate(BATCHES):
        rows, classes = cifar_rows(3, seed)
        np.hstack([classes[:, None].astype(np.uint8), rows]).tofile(folder / f"{name}.bin")


@pytest.mark.parametrize(
    ("folder", "write"),
    [
        ("cifar-10-batches-py", write_python),
        ("cifar-10-batches-bin", write_binary),
        ("", write_python),
    ],
)
def test_both_official_layouts_of_cifar_give_the_same(tmp_path, folder, write):
    root = tmp_path / "root"
    write(root / folder)

    cifar = cifar10.load(root=root)

    assert cifar.pixels is not None
    assert cifar.pixels.shape == (18, 32, 32, 3)
    for batch in range(6):
        rows, classes = cifar_rows(3, batch)
        for at in range(3):
            image = cifar.pixels[3 * batch + at]
            assert image[5, 7, 2] == rows[at, 2 * 1024 + 5 * 32 + 7]
            name = _cifar_batches.CLASSES[classes[at]]
            assert cifar.labels.names[classes_of(cifar)[3 * batch + at]] == name
    last = _cifar_batches.CLASSES[cifar_rows(3, 5)[1][2]]
    assert cifar.paths[-1] == f"test/{last}/00002.png"
    assert len(cifar.protocols["I"](0).query) == 3


class Evil:
    def __reduce__(self):
        return os.mkdir, (os.environ["NACHASH_TEST_EVIL"],)


@pytest.mark.parametrize("thing", [Evil(), {"data": Evil()}, print, codecs.lookup])
def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(tmp_path, monkeypatch, thing):
    monkeypatch.setenv("NACHASH_TEST_EVIL", str(tmp_path / "evil"))
    write_python(tmp_path / "cifar-10-batches-py")
    (tmp_path / "cifar-10-batches-py" / "data_batch_3").write_bytes(pickle.dumps(thing))

    with pytest.raises(DamagedError, match="data_batch_3"):
        cifar10.load(root=tmp_path)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_damaged_or_missing_batch_is_named(tmp_path, damage):
    write_python(tmp_path / "cifar-10-batches-py")
    file = tmp_path / "cifar-10-batches-py" / "data_batch_2"
    file.unlink() if damage is None else file.write_bytes(damage)

    with pytest.raises(DamagedError, match="data_batch_2"):
        cifar10.load(root=tmp_path)


def test_cifar_is_read_from_folders_of_classes(tmp_path):
    touch(tmp_path, ["train/cat/2.jpg", "train/cat/1.jpg", "train/dog/1.png", "test/cat/7.jpg"])
    touch(tmp_path, ["train/cat/notes.txt", "train/.git/x.jpg", "train/readme.jpg"])

    cifar = cifar10.load(root=tmp_path)

    assert cifar.paths == (
        "train/cat/1.jpg",
        "train/cat/2.jpg",
        "train/dog/1.png",
        "test/cat/7.jpg",
    )
    assert cifar.labels.multi_hot.tolist() == [[1, 0], [1, 0], [0, 1], [1, 0]]
    assert cifar.labels.names == ("cat", "dog")
    assert cifar.protocols["I"](0).query.tolist() == [3]
    with pytest.raises(UsageError, match="draws 1000"):
        cifar.protocols["II"](0)


@pytest.mark.slow
@pytest.mark.skipif("NACHASH_CIFAR10" not in os.environ, reason="NACHASH_CIFAR10 is not set")
def test_the_real_cifar_has_sixty_thousand_images_and_both_protocols():
    cifar = cifar10.load(root=Path(os.environ["NACHASH_CIFAR10"]))

    one, two = cifar.protocols["I"](0), cifar.protocols["II"](0)

    assert len(cifar.paths) == 60_000
    assert np.bincount(classes_of(cifar)).tolist() == [6_000] * 10
    assert is_sound(one, 60_000)
    assert is_sound(two, 60_000)
    assert (len(one.query), len(one.train)) == (10_000, 50_000)
    assert (len(two.query), len(two.gallery), len(two.train)) == (10_000, 50_000, 5_000)


def test_imagenet_is_read_from_folders_of_classes(tmp_path):
    touch(tmp_path, ["train/n02/b.JPEG", "train/n01/a.JPEG", "val/n01/c.JPEG"])

    images = imagenet.load(root=tmp_path)
    split = images.protocols["val"](0)

    assert images.paths == ("train/n01/a.JPEG", "train/n02/b.JPEG", "val/n01/c.JPEG")
    assert images.labels.names == ("n01", "n02")
    assert images.labels.multi_hot.tolist() == [[1, 0], [0, 1], [1, 0]]
    assert is_sound(split, 3)
    assert (split.query.tolist(), split.gallery.tolist()) == ([2], [0, 1])


def devkit(root, numbers):
    """The two files of the development kit, with one inner node of the hierarchy."""
    from scipy.io import savemat

    folder = root / imagenet.DEVKIT
    folder.mkdir(parents=True)
    synsets = np.array(
        [(1, "n02", 0), (2, "n01", 0), (3, "n99", 2)],
        dtype=[("ILSVRC2012_ID", object), ("WNID", object), ("num_children", object)],
    )
    savemat(folder / "meta.mat", {"synsets": synsets})
    (folder / imagenet.GROUND_TRUTH).write_text("".join(f"{number}\n" for number in numbers))


def test_a_flat_validation_folder_takes_its_classes_from_the_kit(tmp_path):
    touch(tmp_path, ["train/n01/a.JPEG", "train/n02/b.JPEG"])
    touch(tmp_path, [f"val/ILSVRC2012_val_0000000{number}.JPEG" for number in (1, 2, 3)])
    devkit(tmp_path, [2, 1, 1])

    images = imagenet.load(root=tmp_path)

    assert images.labels.multi_hot[2:].tolist() == [[1, 0], [0, 1], [0, 1]]


@pytest.mark.parametrize("numbers", [[1, 2], [1, 2, 3], [1, 2, "x"], None])
def test_a_kit_that_does_not_fit_is_refused(tmp_path, numbers):
    touch(tmp_path, ["train/n01/a.JPEG", *[f"val/{number}.JPEG" for number in (1, 2, 3)]])
    if numbers:
        devkit(tmp_path, numbers)

    with pytest.raises(DamagedError if numbers else MissingError):
        imagenet.load(root=tmp_path)


def annotate(root, **files):
    folder = root / "mirflickr25k_annotations_v080"
    folder.mkdir(parents=True)
    (folder / "README.txt").write_text("Annotations: 1 2 3 as numbers")
    for name, numbers in files.items():
        (folder / f"{name}.txt").write_text("".join(f"{number}\r\n" for number in numbers))


def test_flickr_reads_images_by_number_and_the_readme_is_no_label(tmp_path):
    touch(tmp_path, [f"mirflickr/im{number}.jpg" for number in (10, 2, 1)])
    annotate(tmp_path, sky=[1, 10], sea=[10])

    flickr = flickr25k.load(root=tmp_path)

    assert flickr.paths == ("mirflickr/im1.jpg", "mirflickr/im2.jpg", "mirflickr/im10.jpg")
    assert flickr.labels.names == ("sea", "sky")
    assert flickr.labels.multi_hot.tolist() == [[0, 1], [0, 0], [1, 1]]


def test_strict_labels_are_read_and_never_change_what_is_relevant(tmp_path):
    touch(tmp_path, [f"mirflickr/im{number}.jpg" for number in range(1, 31)])
    random = generator(5)
    sky, sea = random.choice(30, 15) + 1, random.choice(30, 15) + 1
    annotate(tmp_path / "all", sky=sky, sea=sea, sky_r1=sky[:5], sea_r1=sea[:5])
    annotate(tmp_path, sky=sky, sea=sea)
    (tmp_path / "all" / "mirflickr").symlink_to(tmp_path / "mirflickr")

    few, many = flickr25k.load(root=tmp_path), flickr25k.load(root=tmp_path / "all")

    assert many.labels.names == ("sea", "sea_r1", "sky", "sky_r1")
    relevant = [each.labels.multi_hot.astype(int) for each in (few, many)]
    np.testing.assert_array_equal(*[(labels @ labels.T) > 0 for labels in relevant])


def test_flickrs_twin_with_a_csv_has_the_official_order(tmp_path):
    touch(tmp_path, ["images/im2.jpg", "other/im10.jpg", "images/im1.jpg"])
    (tmp_path / "labels.csv").write_text(
        "path,label\nother/im10.jpg,sky;sea\nimages/im2.jpg,\nimages/im1.jpg,sky\n"
    )

    flickr = flickr25k.load(root=tmp_path)

    assert flickr.paths == ("images/im1.jpg", "images/im2.jpg", "other/im10.jpg")
    assert flickr.labels.multi_hot.tolist() == [[0, 1], [0, 0], [1, 1]]


@pytest.mark.parametrize("row", ["images/im1.jpg", "images/gone.jpg,sky", "a,b,c"])
def test_a_wrong_row_of_the_csv_is_named(tmp_path, row):
    touch(tmp_path, ["images/im1.jpg"])
    (tmp_path / "labels.csv").write_text(f"images/im1.jpg,sky\n{row}\n")

    with pytest.raises(DamagedError, match="line 2"):
        flickr25k.load(root=tmp_path)


def test_annotations_that_are_no_numbers_are_named(tmp_path):
    touch(tmp_path, ["mirflickr/im1.jpg"])
    annotate(tmp_path, sky=["x"])

    with pytest.raises(DamagedError, match=r"sky\.txt"):
        flickr25k.load(root=tmp_path)


def test_the_protocol_of_all_flickr_images_has_the_published_sizes():
    split = flickr25k.split_all(25_000, 1)

    assert is_sound(split, 25_000)
    assert (len(split.query), len(split.gallery), len(split.train)) == (2_000, 23_000, 5_000)
    assert same(split, flickr25k.split_all(25_000, 1))
    with pytest.raises(UsageError, match="has 24999"):
        flickr25k.split_all(24_999, 1)


def test_the_protocol_of_the_subset_has_the_published_sizes():
    positions = drawn(np.arange(25_000), 20_015, generator(3))

    split = flickr25k.split_subset(positions, 1)

    assert is_sound(split, 25_000)
    assert (len(split.query), len(split.gallery), len(split.train)) == (2_000, 18_015, 10_000)
    assert np.array_equal(np.union1d(split.query, split.gallery), positions)
    assert not same(split, flickr25k.split_subset(positions, 2))


def tag(root, common, rare):
    """Tags of images: one that is common enough, one that is not, or none."""
    (root / "mirflickr/doc").mkdir(parents=True)
    (root / "mirflickr/meta/tags").mkdir(parents=True)
    (root / "mirflickr/doc/common_tags.txt").write_text("water 500\ncaf\u00e9 20\nrare 19\n")
    for numbers, words in [(common, "other\ncaf\u00e9\n"), (rare, "rare\n"), ([9], "")]:
        for number in numbers:
            (root / f"mirflickr/meta/tags/tags{number}.txt").write_text(words)


PATHS = [f"mirflickr/im{number}.jpg" for number in range(1, 10)]


def test_the_subset_is_what_has_a_label_and_a_common_tag(tmp_path, monkeypatch):
    monkeypatch.setattr(_flickr_subset, "SIZE", 3)
    tag(tmp_path, common=[2, 3, 5, 7], rare=[1, 4])

    chosen = _flickr_subset.subset(tmp_path, PATHS, [number != 3 for number in range(1, 10)])

    assert [PATHS[position] for position in chosen] == [PATHS[1], PATHS[4], PATHS[6]]


def test_a_list_of_ones_own_goes_before_the_tags(tmp_path, monkeypatch):
    monkeypatch.setattr(_flickr_subset, "SIZE", 2)
    tag(tmp_path, common=[2], rare=[])
    (tmp_path / "20015.txt").write_text("/somewhere/mirflickr/im8.jpg 0 1 0\n\n1\n")

    assert _flickr_subset.subset(tmp_path, PATHS, [False] * 9).tolist() == [0, 7]


def test_a_subset_of_another_size_is_refused(tmp_path):
    tag(tmp_path, common=[1, 2], rare=[])

    with pytest.raises(DamagedError, match="selects 2 of 9 images instead of 20015"):
        _flickr_subset.subset(tmp_path, PATHS, [True] * 9)


@pytest.mark.slow
def test_the_subset_of_a_whole_copy_is_split_as_published(tmp_path):
    touch(tmp_path, [f"mirflickr/im{number}.jpg" for number in range(1, 25_001)])
    annotate(tmp_path, sky=range(1, 24_996))
    tag(tmp_path, common=range(25_000 - 20_019, 25_001), rare=range(1, 100))

    split = flickr25k.load(root=tmp_path).protocols["20015"](7)

    chosen = np.union1d(split.query, split.gallery)
    assert chosen.tolist() == list(range(25_000 - 20_020, 24_995))
    assert len(split.train) == 10_000


def test_without_tags_and_list_the_subset_says_what_is_missing(tmp_path):
    touch(tmp_path, ["mirflickr/im1.jpg"])
    annotate(tmp_path, sky=[1])

    with pytest.raises(MissingError, match=r"common_tags\.txt"):
        flickr25k.load(root=tmp_path).protocols["20015"](7)
