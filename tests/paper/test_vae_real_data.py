"""An autoencoder on CIFAR-10 (JPEG): it learns, and its bounds are in their order.

Runs where NACHASH_CIFAR10 names the folder with `train/<class>` and `test/<class>`.
"""

import os
from pathlib import Path

import pytest

from nachash.paper.vae.likelihoods import LIKELIHOODS
from nachash.paper.vae.vae import VaeSettings, vae

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_the_elbo_rises_and_stays_below_the_importance_weighted_bound(likelihood, tmp_path):
    folder = os.environ.get("NACHASH_CIFAR10")
    if not folder:
        pytest.skip("NACHASH_CIFAR10 does not name the folder of CIFAR-10 (JPEG)")
    settings = VaeSettings(
        dataset="cifar10",
        data_root=Path(folder),
        out=tmp_path / "run",
        epochs=2,
        likelihood=likelihood,
        test_images=100,
        iw_samples=16,
    )

    (start,) = vae(settings).starts

    assert start.epochs[1].elbo > start.epochs[0].elbo
    assert start.elbo < start.iw_log_likelihood
    assert start.inference_gap.optimised_posterior > 0
