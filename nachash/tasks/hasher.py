"""`nachash.Hasher`: learn a hash from images and apply it, in scikit-learn's manner."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nachash.errors import UsageError
from nachash.shapes import UInt8
from nachash.tasks.picture import Picture, opened
from nachash.tasks.train import TrainSettings, train
from nachash.tasks.trained_encoder import Encoder


@dataclass
class Hasher:
    """Settings of the training, and after `fit` the encoder that it made.

    `epochs` None is as many as `nachash train` takes.
    """

    bits: int = 64
    epochs: int | None = None
    seed: int = 0
    encoder: Encoder | None = field(default=None, init=False, repr=False)

    def fit(self, images: str | Path | Sequence[Picture] | np.ndarray) -> "Hasher":
        """Train on a folder, or on paths, Pillow images or a uint8 array; no labels are used.

        Raises:
            TrainingError: there are too few images.
            MissingError, NoImagesError: the folder is not there or empty.
            ImageError: a picture cannot be read.
        """
        with tempfile.TemporaryDirectory(prefix="nachash-") as name:
            place = Path(name)
            folder = images if isinstance(images, str | Path) else _written(images, place / "in")
            train(
                TrainSettings(
                    images=str(folder),
                    bits=self.bits,
                    epochs=self.epochs,
                    seed=self.seed,
                    out=place / "model",
                    latest=False,
                )
            )
            self.encoder = Encoder.load(place / "model")
        return self

    def transform(self, images: Sequence[Picture] | np.ndarray) -> UInt8[np.ndarray, "batch bytes"]:
        """Packed codes of paths, Pillow images or a uint8 array.

        Raises:
            UsageError: `fit` has not been called.
            ImageError: a picture cannot be read.
        """
        if self.encoder is None:
            raise UsageError("this Hasher has learned nothing yet", "call fit(images) first")
        return self.encoder.encode(images)

    def fit_transform(
        self, images: Sequence[Picture] | np.ndarray
    ) -> UInt8[np.ndarray, "batch bytes"]:
        """`fit(images).transform(images)`."""
        return self.fit(images).transform(images)


def _written(images: Sequence[Picture] | np.ndarray, folder: Path) -> Path:
    """Pictures as PNG files of a new folder."""
    folder.mkdir()
    for number, picture in enumerate(images):
        opened(picture).convert("RGB").save(folder / f"{number:08}.png")
    return folder
