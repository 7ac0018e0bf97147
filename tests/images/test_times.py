"""No time of change, whatever a file system or a stranger says, leaves 64 bits or ends a run."""

import datetime as dt
import io
import os
import tarfile
import zipfile

import numpy as np
import pytest
from pictures import contents, gradient

from nachash.images.sources import remote
from nachash.images.sources.location import source
from nachash.images.sources.times import nanoseconds, within_64_bits

PNG = contents(gradient(4, 4), "PNG")
LATEST = 2**63 - 1


def times(place):
    found = [each.mtime_ns for each in source(str(place), []).references]
    np.array(found, np.int64)  # as the index keeps them
    return found


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (1_700_000_000, 1_700_000_000 * 10**9),
        (-1.5, -1_500_000_000),
        (float("nan"), 0),
        (float("inf"), 0),
        (1e30, LATEST),
        (-1e30, -(2**63)),
    ],
)
def test_seconds_of_any_kind_become_nanoseconds_of_64_bits(seconds, expected):
    assert nanoseconds(seconds) == expected


@pytest.mark.parametrize("year", [1, 1600, 1969, 2262, 2300, 9999])
def test_a_file_of_any_year_is_listed(tmp_path, year):
    moment = (dt.date(year, 6, 1) - dt.date(1970, 1, 1)).days * 86400
    (tmp_path / "a.png").write_bytes(PNG)
    try:
        os.utime(tmp_path / "a.png", (moment, moment))
    except (OSError, OverflowError):
        pytest.skip("this file system has no such year")

    expected = within_64_bits((tmp_path / "a.png").stat().st_mtime_ns)
    assert times(tmp_path) == [expected]


@pytest.mark.parametrize("mtime", ["inf", "-inf", "nan", "1e30", "-1e30", "1e400", "x", ""])
def test_a_member_of_any_time_is_listed(tmp_path, mtime):
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("a.png", "b.png"):
            member = tarfile.TarInfo(name)
            member.size = len(PNG)
            member.pax_headers = {"mtime": mtime}
            archive.addfile(member, io.BytesIO(PNG))

    assert len(times(tmp_path / "a.tar")) == 2


@pytest.mark.parametrize("date", [0, 0xFFFFFFFF, 0x0000_0021, 0xBF7D_FFFF])
def test_a_member_of_a_zip_archive_of_any_date_is_listed(tmp_path, date):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.png", PNG)
    data = buffer.getvalue()
    centre = data.index(b"PK\x01\x02") + 12
    (tmp_path / "a.zip").write_bytes(
        data[:centre] + date.to_bytes(4, "little") + data[centre + 4 :]
    )

    assert len(times(tmp_path / "a.zip")) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (dt.datetime(2300, 1, 1, tzinfo=dt.UTC), LATEST),
        (dt.datetime(1, 1, 1), None),  # noqa: DTZ001 (as a library may hand it over)
        (float("nan"), 0),
        (1e300, LATEST),
        ("yesterday", 0),
    ],
)
def test_a_remote_file_of_any_time_is_listed(value, expected):
    found = remote._time({"mtime": value})

    np.array([found], np.int64)
    assert expected in (None, found)
