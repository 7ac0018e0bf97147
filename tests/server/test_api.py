"""Every endpoint of the server, asked well and badly; answers equal the library's."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from serving import served

from nachash import Index
from nachash.codes import hamming
from nachash.index.reader import open_index
from nachash.report import bit_pattern


@pytest.fixture(scope="module")
def columns(indexed_digits):
    """Codes, ids, paths and labels of the index, read by the library."""
    with open_index(indexed_digits / "out.h5") as index:
        names = index.label_names
        labels = [names[row.argmax()] for row in index.labels()]
        return index.codes(), index.ids(), index.all_paths(), labels


def ranked(codes, query):
    """Distance and row of every code, by (distance, row)."""
    distances = hamming(query[None], codes)[0].astype(int)
    return sorted(zip(distances.tolist(), range(len(codes)), strict=True))


def code_of(answer):
    return np.frombuffer(bytes.fromhex(answer["code"]), np.uint8)


def png_header(width, height):
    """A PNG that announces a size and holds next to nothing."""

    def chunk(kind, data):
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))


def refusal(response):
    """The sentence of a refusal, which is JSON with one sentence and a hint."""
    found = response.json()
    assert set(found) == {"error", "hint"}
    assert found["error"]
    assert "Traceback" not in response.text
    return found["error"]


def test_an_upload_finds_what_the_library_finds(client, picture, indexed_digits, columns):
    answer = client.post("/search?k=12", content=picture).json()

    expected = Index.open(indexed_digits / "out.h5").search([indexed_digits / "query.jpg"], k=12)
    assert [(hit["id"], hit["distance"]) for hit in answer["hits"]] == [
        (hit.id, hit.distance) for hit in expected[0]
    ]
    _, ids, paths, labels = columns
    for hit in answer["hits"]:
        row = ids.tolist().index(hit["id"])
        assert (hit["path"], hit["label"]) == (paths[row], labels[row])
    assert answer["images"] == answer["searched"] == len(ids)
    assert answer["within"] is None
    assert answer["id"] is None


def test_neighbours_leave_the_image_itself_out(client, columns):
    codes, ids, _, _ = columns

    answer = client.get(f"/neighbours/{ids[7]}?k=5&counts=true").json()

    others = [(d, row) for d, row in ranked(codes, codes[7]) if row != 7]
    assert [(hit["distance"], hit["id"]) for hit in answer["hits"]] == [
        (d, int(ids[row])) for d, row in others[:5]
    ]
    for radius, count in enumerate(answer["within"]):
        assert count == sum(d <= radius for d, _ in others)
    assert len(answer["within"]) == 65


@pytest.mark.parametrize("radius", [0, 3, 9, 64, 4096])
def test_a_radius_is_inclusive(client, picture, columns, radius):
    answer = client.post(f"/search?k=1000&radius={radius}", content=picture).json()

    near = [d for d, _ in ranked(columns[0], code_of(answer)) if d <= radius]
    assert [hit["distance"] for hit in answer["hits"]] == near


def test_filters_are_those_of_the_command_line(client, picture, columns):
    codes, ids, paths, labels = columns
    wish = {"k": 1000, "where": ["label!=3", "path=*1*"], "under": ["3", "1", "5"], "counts": True}

    answer = client.post("/search", params=wish, content=picture).json()

    kept = [
        row
        for row, path in enumerate(paths)
        if labels[row] != "3" and "1" in path and path.split("/")[0] in "315"
    ]
    expected = [(d, ids[row]) for d, row in ranked(codes, code_of(answer)) if row in kept]
    assert [(hit["distance"], hit["id"]) for hit in answer["hits"]] == expected
    assert answer["searched"] == len(kept) == answer["within"][-1]
    assert answer["images"] == len(paths)


def test_an_image_that_the_filter_leaves_out_can_still_be_the_query(client, columns):
    _, ids, _, labels = columns
    row = labels.index("4")
    wish = {"where": "label=5", "k": 1000, "counts": True}

    answer = client.get(f"/neighbours/{ids[row]}", params=wish).json()

    assert len(answer["hits"]) == answer["within"][-1] == labels.count("5")


def test_codes_are_answered_in_their_order(client, columns):
    codes, ids, _, _ = columns
    asked = [codes[row].tobytes().hex() for row in (3, 50, 120)]

    answers = client.post("/search/codes", json={"codes": asked, "k": 4}).json()

    assert [answer["code"] for answer in answers] == asked
    for row, answer in zip((3, 50, 120), answers, strict=True):
        assert [(hit["distance"], hit["id"]) for hit in answer["hits"]] == [
            (d, int(ids[other])) for d, other in ranked(codes, codes[row])[:4]
        ]


def test_a_brief_answer_has_the_same_ids_and_distances(client, columns):
    asked = [columns[0][row].tobytes().hex() for row in (3, 50)]
    wish = {"codes": asked, "k": 9, "radius": 6, "where": ["label!=3"]}

    brief = client.post("/search/codes", json={**wish, "brief": True}).json()
    full = client.post("/search/codes", json=wish).json()

    assert brief == {
        name + "s": [[hit[name] for hit in answer["hits"]] for answer in full]
        for name in ("id", "distance")
    }


def test_codes_are_drawn_as_on_the_pages(client, columns):
    codes, ids, _, _ = columns

    answer = client.get(f"/neighbours/{ids[0]}?k=3&draw=true").json()

    query = np.unpackbits(codes[0])
    for hit in answer["hits"]:
        own = np.unpackbits(codes[ids.tolist().index(hit["id"])])
        text = "".join(str(int(bit)) for bit in own != query)
        assert hit["different"] == bit_pattern.squares(text)
        assert hit["different"].count("M") == hit["distance"]
        assert hit["same"].count("M") == int((own & query).sum())


def test_a_sample_is_spread_over_the_index(client, columns):
    everything = client.get("/sample?count=1000").json()
    some = client.get("/sample?count=3&where=label=2").json()

    assert [image["id"] for image in everything["sample"]] == columns[1].tolist()
    assert len(some["sample"]) == 3
    assert {image["label"] for image in some["sample"]} == {"2"}
    assert some["searched"] == columns[3].count("2")


def test_health_says_what_is_served(client, columns):
    found = client.get("/health").json()

    assert found["status"] == "ok"
    assert (found["images"], found["bits"]) == (len(columns[1]), 64)
    assert found["labels"] == [str(number) for number in range(10)]
    assert (found["columns"], found["lines"]) == (16, 4)
    assert found["watch"] is False


def test_a_thumbnail_is_the_image_and_is_asked_for_once(client, columns, indexed_digits):
    _, ids, paths, _ = columns

    first = client.get(f"/thumb/{ids[9]}")
    again = client.get(f"/thumb/{ids[9]}", headers={"If-None-Match": first.headers["etag"]})
    other = client.get(f"/thumb/{ids[8]}", headers={"If-None-Match": first.headers["etag"]})

    shown = np.asarray(Image.open(io.BytesIO(first.content)).convert("L"))
    file = np.asarray(Image.open(indexed_digits / "images" / paths[9]).convert("L"))
    assert np.array_equal(shown, file)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert other.status_code == 200


def test_what_is_no_image_is_refused(client, picture):
    for content in (b"", b"hello, I am a text", b"%PDF-1.4", b"\0" * 5000):
        response = client.post("/search", content=content)
        assert response.status_code == 415
        refusal(response)
    cut = client.post("/search", content=picture[:200])
    assert cut.status_code == 422
    assert "cannot be read" in refusal(cut)


def test_huge_pictures_are_refused_before_they_are_decoded(client):
    for width, height in ((20_000, 20_000), (2**31 - 1, 1), (2**31 - 1, 2**31 - 1)):
        response = client.post("/search", content=png_header(width, height))
        assert response.status_code in (413, 422)
        assert "pixels" in refusal(response)


def test_too_many_bytes_are_refused_announced_or_not(indexed_digits, picture):
    with served(indexed_digits / "out.h5", most_bytes=100) as (_, client):
        announced = client.post("/search", content=picture)
        streamed = client.post("/search", content=iter([picture[:80], picture[80:]]))

    for response in (announced, streamed):
        assert response.status_code == 413
        assert "larger than" in refusal(response)


@pytest.mark.parametrize("path", ["/neighbours/", "/thumb/"])
def test_an_unknown_id_is_not_found(client, path):
    for identifier in (100_000, 2**62):
        response = client.get(f"{path}{identifier}")
        assert response.status_code == 404
        assert "no image with id" in refusal(response)
    for identifier in ("-1", "x", "1.5", str(2**70)):
        response = client.get(f"{path}{identifier}")
        assert response.status_code == 422
        refusal(response)
    for identifier in ("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "1/0000.png"):
        assert client.get(f"{path}{identifier}").status_code in (404, 422)


@pytest.mark.parametrize(
    "wish",
    [
        "radius=-1",
        "radius=many",
        "radius=5000",
        "k=0",
        "k=100000",
        "where=colour=red",
        "where=label=elephant",
        "where=size>big",
        "where=time<yesterday",
        "where=" + "x" * 301,
        "&".join(["under=a"] * 21),
        "counts=perhaps",
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(client, picture, wish):
    for response in (
        client.post(f"/search?{wish}", content=picture),
        client.get(f"/neighbours/0?{wish}"),
    ):
        assert response.status_code == 422, response.text
        refusal(response)


@pytest.mark.parametrize(
    "codes", [[], ["zz" * 8], ["00" * 7], ["0"], ["00" * 8] * 1001, "00" * 8, [7], None]
)
def test_codes_that_make_no_sense_are_refused(client, codes):
    response = client.post("/search/codes", json={"codes": codes})

    assert response.status_code == 422
    refusal(response)


def test_no_answer_describes_more_images_than_fit_into_memory(client, columns):
    asked = {"codes": [columns[0][0].tobytes().hex()] * 101, "k": 1000}

    described = client.post("/search/codes", json=asked)

    assert described.status_code == 422
    assert "brief" in described.json()["hint"]
    assert client.post("/search/codes", json={**asked, "brief": True}).status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"{", "application/json", "json"),
        (b'{"codes": ["00"], "colour": 1}', "application/json", "colour"),
        (b'{"codes": ["0000000000000000"]}', "text/plain", "application/json"),
        (b"", "", "application/json"),
    ],
)
def test_a_body_that_is_not_what_was_described_is_refused(client, body, kind, said):
    response = client.post("/search/codes", content=body, headers={"Content-Type": kind})

    assert response.status_code == 422
    assert said in refusal(response).lower()


def test_codes_are_only_read_up_to_the_size_allowed(indexed_digits):
    with served(indexed_digits / "out.h5", most_bytes=100) as (_, client):
        for body in (b'{"codes": ["' + b"0" * 200 + b'"]}', iter([b"0" * 60, b"0" * 60])):
            response = client.post(
                "/search/codes", content=body, headers={"Content-Type": "application/json"}
            )

            assert response.status_code == 413
            assert "larger than" in refusal(response)


def test_an_unknown_address_and_method_are_refused_in_json(client):
    assert client.get("/nowhere").status_code == 404
    assert client.delete("/health").status_code == 405
    refusal(client.get("/nowhere"))
    refusal(client.delete("/health"))


def test_the_page_needs_nothing_from_elsewhere(client):
    page = client.get("/")
    everything = page.text + client.get("/style.css").text + client.get("/script.js").text

    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "https://" not in everything
    assert everything.replace("http://www.w3.org/2000/svg", "").count("http://") == 0
    assert client.get("/openapi.json").json()["info"]["title"] == "nachash"
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404
