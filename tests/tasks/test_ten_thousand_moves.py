"""Ten thousand files are moved, with every kind of fault; each byte of them is found again."""

import errno
import hashlib
import os
import shutil
from collections import Counter

import numpy as np
import pytest

from nachash.records import Preprocessing
from nachash.results.dedup import Duplicate, Duplicates
from nachash.tasks.dedup import move as moves
from nachash.tasks.dedup import move_log
from nachash.tasks.dedup.encoded_file import Recognition
from nachash.tasks.dedup.undo import undo
from nachash.tasks.encoder import Encoder

GROUPS = 3_334  # of a keeper and two copies
HEADER = bytes.fromhex("424d66000000000000003600000028000000040000000400000001001800000000003000")
ENCODER = Encoder(Preprocessing(4), 8, lambda pixels: np.zeros((len(pixels), 8), np.float32))
STILL = [
    "none",
    "keeper gone",
    "copy gone",
    "keeper replaced",
    "copy replaced",
    "copy is a link",
    "copy is a hard link",
    "folder is a link",
    "name taken",
    "long name taken",
    "sidecars",
    "raw beside it",
    "not a picture",
]
AT_WORK = [
    "read-only",
    "other device",
    "other device, full",
    "other device, interrupted",
    "old name stays",
    "exchanged at the moment",
    "sidecar fails",
    "table full",
    "target folder denied",
]
KINDS = STILL + AT_WORK


def bmp(seed):
    pixels = np.random.default_rng(seed).bytes(48)
    return HEADER.ljust(54, b"\0") + pixels


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def record(path, *, keep=False):
    data, status = path.read_bytes(), path.stat()
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    return Duplicate(
        str(path), None, 0, 4, 4, status.st_size, keep, False, "00",
        mtime_ns=status.st_mtime_ns, digest=digest,
    )  # fmt: skip


def planted(root, out, number, kind):
    """A group of three with one kind of fault, as it was found before the fault."""
    stem = "n" * 251 if kind == "long name taken" else f"{number}"
    folder = root / kind / f"{number:04}"
    data = bmp(number)
    if kind == "folder is a link":
        (root / kind).mkdir(parents=True, exist_ok=True)
        (root / "disk" / f"{number}").mkdir(parents=True)
        folder.symlink_to(root / "disk" / f"{number}")
    keeper = write(folder / "keeper" / "k.bmp", data)
    copies = [write(folder / each / f"{stem}.bmp", data) for each in ("a", "b")]
    group = (record(keeper, keep=True), *(record(each) for each in copies))
    FAULTS.get(kind, lambda *_: None)(keeper, copies[0], out, root)
    return group


def replaced(path):
    before = path.stat()
    path.write_bytes(bmp(10**6 + before.st_ino))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def linked(keeper, copy, *_):
    copy.unlink()
    copy.symlink_to(keeper)


def hard_linked(keeper, copy, *_):
    copy.unlink()
    os.link(keeper, copy)


def taken(keeper, copy, out, root):
    write(out / copy.relative_to(root), b"mine %d" % copy.stat().st_ino)


def with_sidecars(keeper, copy, *_):
    for name in (copy.with_suffix(".xmp"), copy.with_name(copy.name + ".xmp")):
        write(name, b"edits of %d in %s" % (copy.stat().st_ino, name.suffixes[0].encode()))


FAULTS = {
    "keeper gone": lambda keeper, *_: keeper.unlink(),
    "copy gone": lambda keeper, copy, *_: copy.unlink(),
    "keeper replaced": lambda keeper, *_: replaced(keeper),
    "copy replaced": lambda keeper, copy, *_: replaced(copy),
    "copy is a link": linked,
    "copy is a hard link": hard_linked,
    "name taken": taken,
    "long name taken": taken,
    "sidecars": with_sidecars,
    "sidecar fails": with_sidecars,
    "raw beside it": lambda keeper, copy, *_: write(copy.with_suffix(".NEF"), b"raw"),
    "not a picture": lambda keeper, copy, *_: copy.write_bytes(b"a secret"),
}


def contents(*roots):
    """What stands under each name, without the table; links as what they lead to."""
    return {
        str(path): f"-> {path.readlink()}".encode() if path.is_symlink() else path.read_bytes()
        for root in roots
        for path in root.rglob("*")
        if (path.is_symlink() or path.is_file()) and path.name != move_log.LOG
    }


def of(kind, path):
    return f"/{kind}/" in str(path)


class Faults:
    """What the system does while files are moved, by the kind that their path names."""

    def __init__(self, monkeypatch):
        self.link, self.unlink = os.link, os.unlink
        self.copy, self.write = shutil.copyfileobj, move_log._write_whole
        self.mkdir = os.mkdir
        self.exchanged = []
        monkeypatch.setattr(os, "link", self.linking)
        monkeypatch.setattr(os, "unlink", self.unlinking)
        monkeypatch.setattr(os, "mkdir", self.making)
        monkeypatch.setattr(shutil, "copyfileobj", self.copying)
        monkeypatch.setattr(move_log, "_write_whole", self.writing)

    def linking(self, source, target, **options):
        if of("read-only", source):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if of("other device", source) or "/other device, " in str(source):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        if of("sidecar fails", source) and str(source).endswith(".xmp"):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        if of("exchanged at the moment", source) and "/out/" not in str(source):
            other = write(source.with_name("other"), bmp(2 * 10**6 + source.stat().st_ino))
            source.rename(source.with_name("aside"))
            other.rename(source)
            self.exchanged.append(source)
        self.link(source, target, **options)

    def unlinking(self, path, **options):
        if of("old name stays", path) and "/out/" not in str(path):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        self.unlink(path, **options)

    def making(self, path, *rest, **options):
        if of("target folder denied", path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        self.mkdir(path, *rest, **options)

    def copying(self, old, new, *rest):
        if of("read-only", old.name):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if of("other device, full", old.name):
            new.write(old.read(20))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if of("other device, interrupted", old.name):
            new.write(old.read(20))
            raise OSError(errno.EINTR, os.strerror(errno.EINTR))
        self.copy(old, new, *rest)

    def writing(self, file, text):
        if b"/table full/" in text and b"moved" in text:
            file.write(text[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.write(file, text)


@pytest.mark.slow
def test_ten_thousand_files_are_moved_and_no_byte_is_lost(tmp_path, monkeypatch):
    root, out = tmp_path / "photos", tmp_path / "out"
    groups = tuple(planted(root, out, n, KINDS[n % len(KINDS)]) for n in range(GROUPS))
    found = Duplicates(str(root), str(root), 1, "stars", 8, 3 * GROUPS, groups)
    before = contents(root, out)

    with monkeypatch.context() as at_work:
        faults = Faults(at_work)
        recognition = Recognition(moves.roots(found, ()), ENCODER).state_of
        done = moves.move(found, moves.plan(found, out, ()), out, recognition)
        after, table = contents(root, out), (out / move_log.LOG).read_bytes()
        again = moves.move(found, moves.plan(found, out, ()), out, recognition)
        assert contents(root, out) == after
        assert (out / move_log.LOG).read_bytes() == table

    assert not any(move.reason is None for move in again)
    exchanged = {str(path): path.read_bytes() for path in faults.exchanged}
    assert Counter(after.values()) == Counter(before.values()) + Counter(exchanged.values())
    gone = {move.path: move.target for move in done if move.reason is None}
    for source, target in gone.items():
        assert not os.path.lexists(source)
        assert after[target] == before[os.path.realpath(source)]
    strays = {name for name in after if name.startswith(str(out))} - set(gone.values())
    assert strays == {name for name in before if name.startswith(str(out))}
    assert len(gone) > GROUPS // 2

    reasons = {kind: Counter(m.reason for m in done if of(kind, m.path)) for kind in KINDS}
    assert set(reasons["none"]) == set(reasons["name taken"]) == {None}
    assert set(reasons["other device"]) == set(reasons["sidecars"]) == {None}
    for kind in set(AT_WORK) - {"other device"}:
        assert any(reason is not None for reason in reasons[kind]), kind

    undo(out)
    back = {name: data for name, data in contents(root, out).items() if name not in exchanged}
    asides = {name for name in back if name.endswith("/aside")}
    assert {name: back[name] for name in back.keys() - asides} == {
        name: data for name, data in before.items() if name not in exchanged
    }
