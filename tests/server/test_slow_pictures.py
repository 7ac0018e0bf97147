"""Pictures that take long: given up in time, and nobody else waits for them."""

import sys
import threading
import time
from pathlib import Path

import pytest

from nachash.errors import ImageError
from nachash.images.decoding import apart
from nachash.images.thumbnail import Thumbnail
from nachash.tasks.serve import service as service_module
from nachash.tasks.serve import thumbnails, upload

sys.path.append(str(Path(__file__).parents[1] / "images"))
import hostile

SLOW = hostile.jpeg_of_scans(4000, 400)


def test_a_picture_that_takes_too_long_is_refused(client, monkeypatch):
    monkeypatch.setattr(service_module, "_PICTURE_SECONDS", 0.3)

    answer = client.post("/search", content=SLOW)

    assert answer.status_code == 422
    assert "not decoded within 0.3 seconds" in answer.json()["error"]


def test_while_slow_pictures_are_read_a_further_one_is_refused_and_others_are_searched(
    client, picture
):
    statuses = []
    threads = [
        threading.Thread(
            target=lambda: statuses.append(client.post("/search", content=SLOW).status_code)
        )
        for _ in range(upload.SLOW_AT_ONCE)
    ]
    for thread in threads:
        thread.start()
    while upload._slow._value:
        time.sleep(0.01)

    assert client.post("/search", content=SLOW).status_code == 503
    assert client.post("/search", content=picture).status_code == 200

    while any(thread.is_alive() for thread in threads):
        apart.end()
        time.sleep(0.05)
    assert statuses == [422] * upload.SLOW_AT_ONCE


def test_many_who_ask_for_one_thumbnail_get_the_same_one(service, monkeypatch):
    identifier = int(service.snapshot.ids[7])
    go_on, made, found = threading.Event(), [], []

    def slowly(image, side):
        made.append(image)
        go_on.wait(10)
        return Thumbnail(b"", "image/png", small=True)

    monkeypatch.setattr(thumbnails, "drawn", slowly)
    threads = [
        threading.Thread(target=lambda: found.append(service.thumbnail(identifier, "a tag")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join()

    assert len(made) == 1
    assert len(found) == 8


def test_a_thumbnail_that_failed_is_tried_again(service, monkeypatch):
    identifier = int(service.snapshot.ids[7])

    def refuse(image, side):
        raise ImageError("damaged")

    monkeypatch.setattr(thumbnails, "drawn", refuse)
    with pytest.raises(ImageError):
        service.thumbnail(identifier, "another tag")
    monkeypatch.undo()

    assert service.thumbnail(identifier, "another tag").data
