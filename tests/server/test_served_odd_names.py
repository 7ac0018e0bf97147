"""A file name that is no UTF-8 is shown as far as it is text; the image is found by its id."""

import os

import pytest
from serving import served


def test_such_an_image_is_a_hit_with_a_thumbnail(own_index):
    path, images, encode_again = own_index
    first = next(images.rglob("*.png"))
    try:
        (images / "0" / os.fsdecode(b"caf\xe9.png")).write_bytes(first.read_bytes())
    except OSError:
        pytest.skip("this file system has no such names")
    encode_again()

    with served(path) as (service, client):
        rows = [row for row, name in enumerate(service.snapshot.all_paths()) if "caf" in name]
        identifier = int(service.snapshot.ids[rows[0]])
        answer = client.get(f"/neighbours/{identifier}", params={"k": 1})
        picture = client.get(f"/thumb/{identifier}")

    assert answer.json()["path"] == "0/caf\N{REPLACEMENT CHARACTER}.png"
    assert answer.json()["hits"][0]["distance"] == 0
    assert picture.status_code == 200
    assert picture.headers["content-type"].startswith("image/")
