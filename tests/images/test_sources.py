import io
import os
import socket
import sys
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from pictures import contents, gradient

from nachash.errors import DamagedError, ImageError, MissingError, NoImagesError, UsageError
from nachash.images.sources import arrays, files, folder, path_list, tar
from nachash.images.sources.location import source

JPEG = contents(gradient(20, 20), "JPEG")
PNG = contents(gradient(10, 10), "PNG")


def write(root, named):
    for name, data in named.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def paths(images):
    return [reference.path for reference in images.references]


def reasons(images):
    return {entry.path: entry.reason for entry in images.skipped}


@pytest.fixture
def album(tmp_path):
    entries = {
        "b.jpg": JPEG,
        "a.PNG": PNG,
        "sub/deep/c.jpeg": JPEG,
        "without-suffix": PNG,
        "photo.bak": JPEG,
        "notes.txt": b"no image",
        "empty": b"",
        "text.jpg": b"a text",
        ".hidden.jpg": JPEG,
        "._b.jpg": b"AppleDouble",
        ".thumbnails/t.jpg": JPEG,
    }
    write(tmp_path, entries)
    return tmp_path


def test_a_folder_lists_images_by_suffix_or_by_first_bytes_in_order(album):
    images = folder.source(str(album))

    assert paths(images) == [
        "a.PNG", "b.jpg", "photo.bak", "sub/deep/c.jpeg", "text.jpg", "without-suffix",
    ]  # fmt: skip
    assert images.skipped == ()
    assert images.references[0].size == len(PNG)
    assert images.references[0].mtime_ns == (album / "a.PNG").stat().st_mtime_ns


def test_a_text_named_jpg_is_found_out_when_it_is_opened(album):
    images = folder.source(str(album))
    text = next(image for image in images.references if image.path == "text.jpg")

    with pytest.raises(ImageError, match=r"^not an image$"):
        images.open(text)


def test_what_is_no_regular_file_is_listed_with_a_reason_and_never_waited_for(album):
    os.mkfifo(album / "pipe.jpg")
    os.mkfifo(album / "pipe")
    (album / "gone.png").symlink_to("nowhere")
    (album / "gone").symlink_to("nowhere")
    (album / "self.jpg").symlink_to("self.jpg")
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.open(album, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{here}/socket" if sys.platform == "linux" else "socket")
        os.close(here)

    images = folder.source(str(album))

    assert reasons(images) == {
        "pipe.jpg": "a pipe",
        "pipe": "a pipe",
        "gone.png": "a link to nothing",
        "gone": "a link to nothing",
        "self.jpg": "too many levels of symbolic links",
        "socket": "a socket",
    }
    assert len(images.references) == 6


def test_a_pipe_that_takes_the_place_of_an_image_is_not_waited_for(tmp_path):
    write(tmp_path, {"a.jpg": JPEG})
    images = folder.source(str(tmp_path))
    (tmp_path / "a.jpg").unlink()
    os.mkfifo(tmp_path / "a.jpg")

    with pytest.raises(ImageError, match=r"^a pipe$"):
        images.open(images.references[0])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_listed_with_a_reason(album):
    (album / "b.jpg").chmod(0)
    (album / "sub").chmod(0)

    images = folder.source(str(album))
    (album / "sub").chmod(0o700)

    assert reasons(images) == {"b.jpg": "permission denied", "sub": "folder: permission denied"}


def test_linked_folders_are_followed_once_and_loops_end(tmp_path):
    write(tmp_path, {"root/z/a.jpg": JPEG, "elsewhere/b.jpg": JPEG})
    root = tmp_path / "root"
    (root / "a-link-to-z").symlink_to("z")
    (root / "z" / "loop").symlink_to("..")
    (root / "outside").symlink_to("../elsewhere")
    (root / "outside-again").symlink_to("../elsewhere")

    assert paths(folder.source(str(root))) == ["outside/b.jpg", "z/a.jpg"]


def test_names_that_are_no_valid_text_can_be_opened(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9 \xf0\x9f.jpg"
    Path(os.fsdecode(name)).write_bytes(JPEG)

    images = folder.source(str(tmp_path))

    assert os.fsencode(images.references[0].path) == b"caf\xe9 \xf0\x9f.jpg"
    assert images.open(images.references[0]).size == (20, 20)


def test_a_list_of_paths_is_relative_to_its_own_folder(tmp_path):
    write(tmp_path, {"lists/all.txt": b"", "lists/a.jpg": JPEG, "b.png": PNG})
    (tmp_path / "pipe").mkdir()
    lines = ["a.jpg", "", "../b.png\r", "./a.jpg", str(tmp_path / "lists" / "a.jpg"), "gone.jpg"]
    lines += [str(tmp_path / "b.png"), "../pipe"]
    (tmp_path / "lists" / "all.txt").write_text("\n".join(lines))

    images = source(str(tmp_path / "lists" / "all.txt"), io.StringIO())

    assert paths(images) == ["a.jpg", "../b.png", str(tmp_path / "b.png")]
    assert reasons(images) == {"gone.jpg": "not found", "../pipe": "a folder"}
    assert [images.open(image).size[0] for image in images.references] == [20, 10, 10]


def test_a_list_on_stdin_is_relative_to_the_current_folder(tmp_path, monkeypatch):
    write(tmp_path, {"a.jpg": JPEG})
    monkeypatch.chdir(tmp_path)

    images = source("-", io.StringIO("a.jpg\nb.jpg\n"))

    assert paths(images) == ["a.jpg"]
    assert reasons(images) == {"b.jpg": "not found"}


def test_a_list_may_hold_names_that_are_no_valid_text(tmp_path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg")).write_bytes(JPEG)
    (tmp_path / "list").write_bytes(b"\xff.jpg\n")

    images = source(str(tmp_path / "list"), io.StringIO())

    assert images.open(images.references[0]).size == (20, 20)


def test_a_list_on_stdin_may_hold_names_that_are_no_valid_text(tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff.jpg"
    Path(os.fsdecode(name)).write_bytes(JPEG)

    images = source("-", io.TextIOWrapper(io.BytesIO(name + b"\n"), encoding="utf-8"))

    assert images.open(images.references[0]).size == (20, 20)


def make_tar(path, mode, entries):
    with tarfile.open(path, mode) as archive:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            if len(data) > 1:
                info.size, info.mtime = len(data), 1_700_000_000
                archive.addfile(info, io.BytesIO(data))
            else:
                info.type, info.linkname = data, "a.jpg"
                archive.addfile(info)


ENTRIES = [
    ("b/2.jpg", JPEG),
    ("./a.jpg", JPEG),
    ("plain", PNG),
    ("notes.txt", b"text"),
    (".hidden.jpg", JPEG),
    ("link.jpg", tarfile.SYMTYPE),
    ("hard.jpg", tarfile.LNKTYPE),
    ("device", tarfile.CHRTYPE),
    ("pipe.png", tarfile.FIFOTYPE),
    ("folder", tarfile.DIRTYPE),
    ("a.jpg", PNG),
]


@pytest.mark.parametrize(("suffix", "mode"), [("tar", "w"), ("tar.gz", "w:gz"), ("txz", "w:xz"),
                                              ("tar.bz2", "w:bz2"), ("odd", "w:gz")])  # fmt: skip
def test_an_archive_lists_its_images_and_opens_them_in_any_order(tmp_path, suffix, mode):
    location = tmp_path / f"all.{suffix}"
    make_tar(location, mode, ENTRIES)

    images = source(str(location), io.StringIO())
    sizes = {image.path: images.open(image).size[0] for image in reversed(images.references)}

    assert paths(images) == ["b/2.jpg", "a.jpg", "plain"]
    assert sizes == {"b/2.jpg": 20, "a.jpg": 10, "plain": 10}
    assert reasons(images) == {
        "link.jpg": "a link in the archive",
        "hard.jpg": "a link in the archive",
        "device": "not a regular file in the archive",
        "pipe.png": "not a regular file in the archive",
    }
    assert images.references[0].mtime_ns == 1_700_000_000 * 10**9
    assert list(tmp_path.iterdir()) == [location]


def test_an_archive_is_read_by_many_threads_at_once(tmp_path):
    entries = [(f"{size}.png", contents(gradient(size, size), "PNG")) for size in range(1, 60)]
    make_tar(tmp_path / "all.tar", "w", entries)
    images = tar.source(str(tmp_path / "all.tar"))
    barrier = threading.Barrier(4)

    def sizes(_):
        barrier.wait()
        return [images.open(image).size[0] for image in images.references]

    with ThreadPoolExecutor(4) as threads:
        assert all(found == list(range(1, 60)) for found in threads.map(sizes, range(4)))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_an_archive_that_is_cut_off_is_refused(tmp_path, mode):
    make_tar(tmp_path / "all.tar", mode, [("a.png", os.urandom(50_000))])
    (tmp_path / "cut.tar").write_bytes((tmp_path / "all.tar").read_bytes()[:20_000])

    with pytest.raises(DamagedError, match=r"cut\.tar"):
        source(str(tmp_path / "cut.tar"), io.StringIO())


def test_a_text_named_tar_is_refused(tmp_path):
    write(tmp_path, {"a.tar": b"no archive at all"})

    with pytest.raises(DamagedError):
        source(str(tmp_path / "a.tar"), io.StringIO())


def test_one_image_is_a_source_of_one(tmp_path):
    write(tmp_path, {"query": PNG})

    images = source(str(tmp_path / "query"), io.StringIO())

    assert paths(images) == ["query"]
    assert images.root == str(tmp_path)


def test_arrays_are_a_source_too():
    grey = np.arange(2 * 4 * 5, dtype=np.uint8).reshape(2, 4, 5)
    images = arrays.source(grey, ["x", "y"])
    coloured = arrays.source(grey[..., None].repeat(3, axis=3), ["x", "y"])

    np.testing.assert_array_equal(np.asarray(images.open(images.references[1])), grey[1])
    assert np.asarray(coloured.open(coloured.references[0])).shape == (4, 5, 3)
    assert images.references[0].size == 20


def test_named_files_keep_their_order(tmp_path):
    write(tmp_path, {"a.jpg": JPEG, "b/c.jpg": PNG})

    images = files.source(str(tmp_path), ["b/c.jpg", "missing.jpg", "a.jpg"])

    assert paths(images) == ["b/c.jpg", "a.jpg"]
    assert reasons(images) == {"missing.jpg": "not found"}


def test_a_place_without_images_is_an_error_that_says_so(tmp_path):
    empty, other = tmp_path / "empty", tmp_path / "other"
    empty.mkdir()
    write(tmp_path, {"other/notes.txt": b"x", "list.txt": b"gone.jpg\n", "blank.txt": b"\n"})

    for location, words in [
        (empty, "is empty"),
        (other, "there is no image in"),
        (tmp_path / "list.txt", "1 were skipped, the first is gone.jpg"),
        (tmp_path / "blank.txt", "there is no image in"),
    ]:
        with pytest.raises(NoImagesError, match=words) as caught:
            source(str(location), io.StringIO())
        assert caught.value.hint


def test_a_missing_place_and_one_of_a_strange_kind_are_errors(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "binary.h5").write_bytes(b"\x89HDF\r\n\x1a\n\0\0\0")

    with pytest.raises(MissingError, match="nowhere"):
        source(str(tmp_path / "nowhere"), io.StringIO())
    with pytest.raises(MissingError, match="too long"):
        source("x" * 5000, io.StringIO())
    with pytest.raises(UsageError, match="is a pipe"):
        source(str(tmp_path / "pipe"), io.StringIO())
    with pytest.raises(UsageError, match=r"binary\.h5"):
        source(str(tmp_path / "binary.h5"), io.StringIO())


def test_a_list_object_of_lines_is_enough(tmp_path):
    write(tmp_path, {"a.jpg": JPEG})

    assert paths(path_list.source(iter(["a.jpg\n"]), str(tmp_path))) == ["a.jpg"]
