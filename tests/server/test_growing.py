"""The index and its images change while they are served."""

import io
import shutil
import time

import numpy as np
from PIL import Image
from serving import served

from nachash.tasks.index.remove import RemoveSettings, remove
from nachash.tasks.search.searchable import Searchable


def add_picture(images, name="1/new.png"):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)
    Image.fromarray(pixels).save(images / name)
    return (images / name).read_bytes()


def test_without_a_second_look_the_state_at_the_start_is_served(own_index):
    index, images, encode_again = own_index
    with served(index) as (service, client):
        before = client.get("/health").json()["images"]
        new = add_picture(images)
        encode_again()

        assert client.post("/search?k=1000", content=new).json()["images"] == before
        assert service.refresh()
        answer = client.post("/search?k=1", content=new).json()

    assert answer["images"] == before + 1
    assert (answer["hits"][0]["path"], answer["hits"][0]["distance"]) == ("1/new.png", 0)


def test_watching_sees_new_rows_and_removed_ones(own_index):
    index, images, encode_again = own_index

    def images_when(client, changed):
        for _ in range(600):
            count = client.get("/health").json()["images"]
            if changed(count):
                return count
            time.sleep(0.05)
        raise AssertionError(count)

    with served(index, watch=True) as (_, client):
        before = client.get("/health").json()["images"]
        add_picture(images)
        encode_again()
        assert images_when(client, lambda count: count != before) == before + 1
        remove(RemoveSettings(paths=("0",), index=index))
        zeros = len(list((images / "0").iterdir()))
        assert images_when(client, lambda count: count <= before) == before + 1 - zeros


def test_a_damaged_file_leaves_the_last_good_state(own_index):
    index, _, _ = own_index
    with served(index) as (service, client):
        assert not service.refresh()
        before = client.get("/neighbours/3").json()
        index.write_bytes(b"no index any more")

        assert not service.refresh()
        assert client.get("/neighbours/3").json() == before
        health = client.get("/health").json()

    assert health["status"] == "stale"
    assert "not a nachash index" in health["trouble"]


def test_a_picture_that_was_deleted_is_found_but_has_no_thumbnail(own_index):
    index, images, _ = own_index
    with served(index) as (_, client):
        hit = client.get("/neighbours/0?k=1").json()["hits"][0]
        first = client.get(f"/thumb/{hit['id']}")
        (images / hit["path"]).unlink()
        gone = client.get(f"/thumb/{hit['id']}", headers={"If-None-Match": first.headers["etag"]})

        assert client.get("/neighbours/0?k=1").json()["hits"][0] == hit

    assert first.status_code == 200
    assert gone.status_code == 404
    assert gone.json()["error"] == "not found"


def test_a_picture_that_changed_has_a_new_thumbnail(own_index):
    index, images, _ = own_index
    with served(index) as (_, client):
        hit = client.get("/neighbours/0?k=1").json()["hits"][0]
        first = client.get(f"/thumb/{hit['id']}")
        Image.new("RGB", (500, 300), "red").save(images / hit["path"])
        second = client.get(f"/thumb/{hit['id']}", headers={"If-None-Match": first.headers["etag"]})

    assert second.status_code == 200
    assert Image.open(io.BytesIO(second.content)).size == (320, 192)


def test_an_index_that_was_moved_away_is_served_on(own_index):
    index, _, _ = own_index
    with served(index) as (service, client):
        shutil.move(index, index.with_suffix(".away"))

        assert not service.refresh()
        assert client.get("/neighbours/0").status_code == 200
        assert client.get("/health").json()["status"] == "stale"


def test_filters_go_on_while_the_file_changes_and_is_gone(own_index):
    index, images, encode_again = own_index
    with served(index) as (_, client):

        def searched(where, **more):
            answer = client.get("/sample", params={"count": 1000, "where": where, **more})
            return answer.json().get("searched", answer.status_code)

        before = client.get("/health").json()["images"]
        ones = searched("label=1")
        add_picture(images)
        encode_again()
        remove(RemoveSettings(paths=("0",), index=index))

        assert searched("size>0") == ones  # the others are not in the file any more
        assert searched("size<0") == 0
        assert searched("label!=1") == searched([], under="0") == before - ones
        shutil.move(index, index.with_suffix(".away"))
        assert searched("path=1/*") == ones
        assert searched("size>=1") == 404


def test_health_notices_a_changed_and_a_missing_file_without_watching(own_index):
    index, images, encode_again = own_index
    with served(index) as (_, client):

        def health():
            found = client.get("/health").json()
            return found["status"], found["trouble"] or ""

        assert health() == ("ok", "")
        add_picture(images)
        encode_again()
        status, trouble = health()
        assert status == "stale"
        assert "has changed" in trouble
        assert "--watch" in trouble
        shutil.move(index, index.with_suffix(".away"))
        status, trouble = health()
        assert status == "stale"
        assert "not there any more" in trouble


def test_an_unforeseen_error_is_told_and_the_watching_goes_on(own_index, monkeypatch):
    index, images, encode_again = own_index
    with served(index) as (service, client):
        add_picture(images)
        encode_again()
        with monkeypatch.context() as broken:
            broken.setattr(Searchable, "of", lambda *_: 1 / 0)
            assert not service.refresh()
            trouble = client.get("/health").json()["trouble"]
        assert "ZeroDivisionError" in trouble
        assert service.refresh()
        assert client.get("/health").json()["status"] == "ok"
