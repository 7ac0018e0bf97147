"""The cores that a process may use: affinity and the quota of control groups of both versions."""

import math
import os

import pytest

from nachash import cores


def group(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content, encoding="ascii")


def quota(tmp_path, membership):
    membership_file = tmp_path / "cgroup"
    membership_file.write_text(membership, encoding="utf-8")
    return cores._quota(membership_file, tmp_path / "fs")


def test_the_second_version_of_control_groups(tmp_path):
    group(tmp_path / "fs", cpu__max="max 100000")
    group(tmp_path / "fs/a", cpu__max="150000 100000\n")
    group(tmp_path / "fs/a/b", cpu__max="400000 100000")

    assert quota(tmp_path, "0::/a/b\n") == 1.5
    assert quota(tmp_path, "0::/a\n") == 1.5
    assert quota(tmp_path, "0::/\n") == math.inf


def test_a_container_sees_its_own_group_as_the_root(tmp_path):
    """The path is that on the host, which is not there; the root has the container's limit."""
    group(tmp_path / "fs", cpu__max="200000 100000")

    assert quota(tmp_path, "0::/../../system.slice/docker-1\n") == 2
    assert quota(tmp_path, "0::/docker/1234\n") == 2


def test_the_first_version_of_control_groups(tmp_path):
    group(tmp_path / "fs/cpu", cpu__cfs_quota_us="-1\n", cpu__cfs_period_us="100000\n")
    group(tmp_path / "fs/cpu/a", cpu__cfs_quota_us="50000\n", cpu__cfs_period_us="100000\n")

    assert quota(tmp_path, "9:name=systemd:/a\n2:cpu,cpuacct:/a\n") == 0.5
    assert quota(tmp_path, "3:cpuset:/a\n2:cpu:/\n") == math.inf


@pytest.mark.parametrize("content", ["", "max", "0 0", "12", "a b", "-1 100000", "100000 0"])
def test_a_group_that_says_nothing_sets_no_limit(tmp_path, content):
    group(tmp_path / "fs", cpu__max=content)

    assert quota(tmp_path, "0::/\n") == math.inf


def test_without_control_groups_there_is_no_limit(tmp_path):
    assert cores._quota(tmp_path / "none", tmp_path) == math.inf


@pytest.mark.parametrize(
    ("allowed", "limit", "expected"),
    [(8, math.inf, 8), (8, 2.0, 2), (8, 1.5, 2), (8, 0.1, 1), (1, 4.0, 1)],
)
def test_the_less_of_both_counts_and_at_least_one(monkeypatch, allowed, limit, expected):
    monkeypatch.setattr(cores, "_allowed_cores", lambda: allowed)
    monkeypatch.setattr(cores, "_quota", lambda groups, root: limit)

    assert cores.usable_cores.__wrapped__() == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")
def test_affinity_is_what_the_process_has():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert cores.usable_cores.__wrapped__() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_no_other_file_counts_the_machines_cores():
    from pathlib import Path

    package = Path(cores.__file__).parent
    found = [path.name for path in package.rglob("*.py") if "cpu_count" in path.read_text("utf-8")]

    assert found == ["cores.py"]
