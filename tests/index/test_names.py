"""One index under several names: one lock, one journal, and a link stays a link."""

import os
import shutil

import pytest

from nachash.errors import StorageError
from nachash.index import writer
from nachash.index.reader import open_index
from nachash.index.storage import journal, lock, naming
from nachash.index.verification import problems
from nachash.tasks.encode.encode import EncodeSettings, encode
from nachash.tasks.index.compact import CompactSettings, compact
from nachash.tasks.index.merge import MergeSettings, merge
from nachash.tasks.index.remove import RemoveSettings, remove


def _symbolic(name, path):
    name.symlink_to(path)


def _hard(name, path):
    os.link(path, name)


linked = pytest.mark.parametrize("link", [_symbolic, _hard])


@pytest.fixture
def elsewhere(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder / "other.h5"


@linked
def test_two_names_have_one_lock(create, batch, elsewhere, link):
    with create() as writing:
        writing.append(*batch(3))
        link(elsewhere, writing.path)
        with pytest.raises(StorageError, match=r"other\.h5 is being written"):
            writer.open_for_append(elsewhere)
        assert lock.owner(elsewhere) is not None
    assert lock.owner(elsewhere) is None
    with writer.open_for_append(elsewhere) as again:
        again.append(*batch(4, seed=1))
    with open_index(writing.path) as index:
        assert index.rows == 7


@linked
def test_what_was_begun_under_one_name_is_finished_under_the_other(
    create, batch, elsewhere, link, monkeypatch
):
    """The writer dies among the writes to the index, whose pages are half old and half new."""

    def died(descriptor, pages):
        for number in sorted(pages.pages)[::2]:
            inside = pages.pages[number][: max(0, pages.size - number * 4096)]
            os.pwrite(descriptor, inside, number * 4096)
        raise SystemExit

    with create() as writing:
        writing.append(*batch(5, seed=1))
        link(elsewhere, writing.path)
        with monkeypatch.context() as patch:
            patch.setattr(journal, "write_pages", died)
            with pytest.raises(SystemExit):
                writing.append(*batch(7, seed=2))

    assert journal.is_unfinished(elsewhere)
    with open_index(elsewhere) as index:
        assert index.rows == len(index.codes()) == 12
    writer.open_for_append(elsewhere).close()
    assert not journal.is_unfinished(writing.path)
    assert not list(problems(writing.path))


def test_a_link_stays_a_link_whatever_replaces_the_index(
    encoded, elsewhere, tiny_model, photos, tmp_path
):
    elsewhere.symlink_to(encoded)
    shutil.copy(encoded, tmp_path / "a.h5")
    encoded.chmod(0o600)

    def inode():
        return encoded.stat().st_ino

    before = inode()
    remove(RemoveSettings(paths=("cat",), index=elsewhere))
    assert inode() == before
    for replace in (
        lambda: compact(CompactSettings(index=elsewhere)),
        lambda: merge(
            MergeSettings(indexes=(encoded, tmp_path / "a.h5"), out=elsewhere, overwrite=True)
        ),
        lambda: encode(
            EncodeSettings(
                images=str(photos), out=elsewhere, model=tiny_model, workers=0, overwrite=True
            )
        ),
    ):
        before = inode()
        replace()
        assert elsewhere.is_symlink()
        assert inode() != before
        assert not list(problems(encoded))
        assert encoded.stat().st_mode & 0o777 == 0o600
        assert [path.name for path in elsewhere.parent.iterdir()] == ["other.h5"]


def test_a_link_to_nothing_is_where_a_new_index_comes_to_lie(create, batch, elsewhere, tmp_path):
    (tmp_path / "link.h5").symlink_to(elsewhere)

    with create("link.h5") as writing:
        writing.append(*batch(3))

    assert (tmp_path / "link.h5").is_symlink()
    with open_index(elsewhere) as index:
        assert index.rows == 3


def test_an_index_with_hard_links_is_not_split_in_two(encoded, elsewhere, tiny_model, photos):
    os.link(encoded, elsewhere)
    content = encoded.read_bytes()

    for replace in (
        lambda: compact(CompactSettings(index=encoded)),
        lambda: merge(MergeSettings(indexes=(encoded, encoded), out=encoded, overwrite=True)),
        lambda: encode(
            EncodeSettings(
                images=str(photos), out=encoded, model=tiny_model, workers=0, overwrite=True
            )
        ),
    ):
        with pytest.raises(StorageError, match="hard links"):
            replace()
    assert encoded.samefile(elsewhere)
    assert encoded.read_bytes() == content


def test_a_process_killed_while_naming_an_index_did_not_link_it(create, batch):
    """The index still has its hidden name; that is no second one, and is not built upon."""
    with create() as writing:
        writing.append(*batch(3))
    hidden = writing.path.with_name(".x.h5.unfinished")
    os.link(writing.path, hidden)

    with writer.open_for_append(writing.path) as again:
        naming.require_one_name(again.path)
        assert again.rows == 3
    assert not hidden.exists()
