"""A comparison of autoencoders as table, curves and pictures."""

import json

import numpy as np
import pytest
from PIL import Image

from nachash.errors import ExistsError, MissingError, UsageError
from nachash.report import vae as report
from nachash.report import vae_curves, vae_pictures
from nachash.results import published
from nachash.results.vae import (
    InferenceGap,
    PosterFigures,
    VaeComparison,
    VaeEpoch,
    VaePictures,
    VaeStart,
)


def start(init, method, elbo):
    points = tuple(
        VaeEpoch(n, 10 * n, 1.0 * n, elbo + 5 - 9000 / n**3, 5.0, elbo - 9000 / n**3, elbo)
        for n in range(1, 21)
    )
    return VaeStart(
        init=init,
        method=method,
        model=None,
        log_likelihood=elbo + 5.0,
        kl=5.0,
        elbo=elbo,
        iw_log_likelihood=elbo + 2.0,
        bits_per_dim={"log_likelihood": 1.5, "kl": 0.25, "elbo": 1.75, "iw_log_likelihood": 1.625},
        active_units=17,
        inference_gap=InferenceGap(2.0, 0.75, 64),
        scale=1.0,
        epochs=points,
        steps=200,
        seconds=20.0,
        state="runs/x/1.pt",
        poster=PosterFigures(*published.VAE[method]) if method in published.VAE else None,
    )


@pytest.fixture
def compared():
    rng = np.random.default_rng(0)
    pixels = [rng.integers(0, 256, (10, 32, 32, 3), np.uint8) for _ in range(7)]
    return VaeComparison(
        directory="runs/x",
        likelihood="gaussian",
        likelihood_of="unit variance, said in a line",
        latent=128,
        iw_samples=64,
        backbone="small",
        size=32,
        data={"name": "digits", "images": 1297, "test_images": 500},
        seed=3,
        device="cpu",
        versions={"nachash": "0"},
        starts=(
            start("random", "random", -2950.0),
            start("runs/a", "nac", -2900.0),
            start("runs/lsh", "lsh", -2940.0),
        ),
        pictures=VaePictures(pixels[0], tuple(pixels[1:4]), tuple(pixels[4:])),
    )


def test_each_start_has_nats_above_bits_and_the_posters_figures_in_columns_of_their_own(compared):
    lines = list(report.text(compared))

    nats = next(line.split() for line in lines if line.startswith("runs/a"))
    bits = lines[lines.index(next(line for line in lines if line.startswith("runs/a"))) + 1].split()
    assert nats[1:] == [
        "-2895.0", "5.0", "-2900.0", "-2898.0", "17", "2.00", "0.75", "-2865", "71.8",
    ]  # fmt: skip
    assert bits == ["nac", "1.5000", "0.2500", "1.7500", "1.6250"]
    assert "gaussian: unit variance, said in a line" in lines[1]
    unknown = next(line.split() for line in lines if line.startswith("runs/lsh"))
    assert unknown[-1] == "0.75"  # the poster has no such row
    assert any("not published" in line for line in lines)


def test_a_line_of_json_per_start_repeats_what_is_common(compared):
    lines = [json.loads(line) for line in compared.json_lines()]

    assert [line["init"] for line in lines] == ["random", "runs/a", "runs/lsh"]
    assert {line["seed"] for line in lines} == {3}
    assert lines[1]["poster"] == {"log_likelihood": -2865.0, "kl": 71.8}
    assert lines[2]["poster"] is None
    assert "pictures" not in lines[0]


def test_curves_are_scaled_to_where_they_settle(compared, tmp_path):
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    vae_curves._draw(axes, compared.starts, "elbo")
    vae_curves.curves(compared, tmp_path / "curves.png")

    low, high = axes.get_ylim()
    # The first tenth of the epochs lies thousands of nats below.
    assert -3500 < low < -2950 < -2900 < high
    assert len(axes.lines) == 3
    with Image.open(tmp_path / "curves.png") as image:
        assert image.width > image.height


def test_the_grid_holds_every_picture_where_its_row_says(compared):
    image = np.asarray(vae_pictures.canvas(compared))

    pictures = compared.pictures
    rows = [pictures.originals, *pictures.reconstructions, *pictures.samples]
    strips = [row[0].repeat(2, axis=0).repeat(2, axis=1) for row in rows]
    tops = [
        next(y for y in range(len(image) - 63) if found(image[y : y + 64], strip))
        for strip in strips
    ]
    assert tops == sorted(tops)
    assert len(set(tops)) == 7


def found(band, picture):
    width = picture.shape[1]
    return any(
        np.array_equal(band[:, x : x + width], picture)
        for x in np.flatnonzero((band[0] == picture[0, 0]).all(axis=1))
        if x + width <= band.shape[1]
    )


def test_a_picture_that_could_not_be_written_is_refused(tmp_path):
    (tmp_path / "there.png").touch()

    with pytest.raises(UsageError, match=r"grid\.gif"):
        vae_pictures.check_writable(tmp_path / "grid.gif", overwrite=False)
    with pytest.raises(MissingError):
        vae_pictures.check_writable(tmp_path / "no" / "grid.png", overwrite=False)
    with pytest.raises(ExistsError):
        vae_pictures.check_writable(tmp_path / "there.png", overwrite=False)
    vae_pictures.check_writable(tmp_path / "there.png", overwrite=True)
