"""Files that other programs read, and how their pictures are meant."""

import io
import struct
import zlib

import numpy as np
import pytest
from pictures import gradient
from PIL import Image, ImageCms, PngImagePlugin

from nachash.errors import ImageError
from nachash.images.decoding import formats, png
from nachash.images.decoding.apart import Apart
from nachash.images.decoding.colour import rgb
from nachash.images.decoding.decode import decode, orientation
from nachash.images.decoding.header import header
from nachash.images.limits import HELD_BYTES
from nachash.records import Preprocessing

PICTURE = gradient(48, 32)
LONG = b"x" * (3 << 20)
ALL = Preprocessing(32)


def plain(**options):
    data = io.BytesIO()
    PICTURE.save(data, "PNG", **options)
    return data.getvalue()


def chunk(kind, content, crc=None):
    check = zlib.crc32(kind + content) if crc is None else crc
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def with_chunks(*chunks, before=b"IDAT"):
    data = plain()
    at = data.index(before) - 4
    return data[:at] + b"".join(chunks) + data[at:]


XMP_TAG = b'<x:xmpmeta tiff:Orientation="6"/>'
NOTES = {
    "a long zTXt": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(LONG)),
    "a long iTXt": chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(LONG)),
    "long iTXt, not packed": chunk(b"iTXt", b"Comment\0\0\0\0\0" + LONG),
    "many tEXt": b"".join(chunk(b"tEXt", b"Comment\0" + LONG) for _ in range(8)),
    "a long profile": chunk(b"iCCP", b"icc\0\0" + zlib.compress(LONG)),
    "a broken profile": chunk(b"iCCP", b"icc\0\0not packed"),
    "a wrong checksum": chunk(b"tEXt", b"Comment\0short", crc=1),
    "a wrong checksum of EXIF": chunk(b"eXIf", b"MM\0*\0\0\0\x08", crc=1),
    "a short pHYs": chunk(b"pHYs", b"\0"),
    "a short gAMA": chunk(b"gAMA", b"\0"),
    "a short cHRM": chunk(b"cHRM", b"\0\0\0"),
    "an empty sRGB": chunk(b"sRGB", b""),
    "an unknown note": chunk(b"xyZw", LONG),
    "broken XMP": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0not packed"),
    "long XMP": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(LONG)),
}


@pytest.mark.parametrize("before", [b"IDAT", b"IEND"])
@pytest.mark.parametrize("note", NOTES)
def test_a_png_is_its_picture_whatever_stands_beside_it(note, before):
    image = formats.opened(with_chunks(NOTES[note], before=before))

    np.testing.assert_array_equal(np.asarray(rgb(image)), np.asarray(PICTURE))


def test_a_png_of_many_megabytes_of_text_is_decoded_apart(tmp_path):
    data = with_chunks(*[NOTES["many tEXt"]] * 3)
    assert len(data) > HELD_BYTES

    image = formats.opened_file(len(data), lambda: io.BytesIO(data))

    assert isinstance(image, Apart)
    np.testing.assert_array_equal(decode(image, ALL), decode(PICTURE, ALL))


def test_what_a_png_needs_is_kept():
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP_TAG.decode(), zip=True)
    data = plain(pnginfo=info, dpi=(72, 72))
    palette = io.BytesIO()
    PICTURE.quantize(8).save(palette, "PNG", transparency=3)

    assert orientation(formats.opened(data)) == 6
    assert formats.opened(palette.getvalue()).info["transparency"] == 3
    assert png.lean(file := io.BytesIO(palette.getvalue())) is file


def test_a_picture_that_is_cut_off_is_still_damaged():
    data = with_chunks(NOTES["a short pHYs"])

    with pytest.raises(ImageError, match="truncated"):
        decode(formats.opened(data[: data.index(b"IDAT") + 20]), ALL)


@pytest.mark.parametrize("brand", [b"mif1", b"miaf", b"MA1B", b"avif"])
def test_avif_is_told_by_its_compatible_brands(brand):
    data = io.BytesIO()
    PICTURE.save(data, "AVIF")
    found = data.getvalue()
    contents = found[:8] + brand + found[12:]

    assert formats.has_image_signature(contents[: formats.SIGNATURE_BYTES])
    assert decode(formats.opened(contents), ALL).shape == (32, 32, 3)


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"miaf", b"MiHE", b"MiHB", b"heif"])
def test_heif_is_told_by_its_compatible_brands(brand):
    pillow_heif = pytest.importorskip("pillow_heif")
    data = io.BytesIO()
    pillow_heif.from_pillow(PICTURE).save(data, format="HEIF")
    found = data.getvalue()
    contents = found[:8] + brand + found[12:]

    assert formats.has_image_signature(contents[: formats.SIGNATURE_BYTES])
    assert decode(formats.opened(contents), ALL).shape == (32, 32, 3)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_may_stand_in_xmp_alone(form):
    data = io.BytesIO()
    options = {"xmp": XMP_TAG, "quality": 100} if form in ("JPEG", "WEBP") else {}
    if form == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP_TAG.decode())
    if form == "TIFF":
        options["tiffinfo"] = {700: XMP_TAG}
    PICTURE.transpose(Image.Transpose.ROTATE_90).save(data, form, **options)

    image = formats.opened(data.getvalue())
    assert header(image)[:2] == PICTURE.size
    seen = decode(image, ALL).astype(int)
    assert np.abs(seen - decode(PICTURE, ALL)).mean() < 4


def wide_gamut():
    """A profile whose red and green are exchanged: whoever passes it over sees other colours."""
    exchanged = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = exchanged.index(b"rXYZ"), exchanged.index(b"gXYZ")
    exchanged[red + 4 : red + 12], exchanged[green + 4 : green + 12] = (
        exchanged[green + 4 : green + 12],
        exchanged[red + 4 : red + 12],
    )
    for at in range(len(exchanged) - 8):
        if exchanged[at : at + 8] == "sRGB".encode("utf-16-be"):
            exchanged[at : at + 8] = "ours".encode("utf-16-be")
    return bytes(exchanged)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_colours_of_a_profile_become_those_of_srgb(form):
    red, green, blue = PICTURE.split()
    exchanged = Image.merge("RGB", (green, red, blue))
    data = io.BytesIO()
    options = {"quality": 100, "subsampling": 0} if form == "JPEG" else {}
    options |= {"lossless": True} if form == "WEBP" else {}
    exchanged.save(data, form, icc_profile=wide_gamut(), **options)

    seen = decode(formats.opened(data.getvalue()), ALL).astype(int)

    assert np.abs(seen - decode(PICTURE, ALL)).max() <= (12 if form == "JPEG" else 3)


def test_a_profile_that_is_broken_or_the_usual_one_changes_nothing():
    for profile in (
        b"nonsense",
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    ):
        data = plain(icc_profile=profile)
        np.testing.assert_array_equal(decode(formats.opened(data), ALL), decode(PICTURE, ALL))
