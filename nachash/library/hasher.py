"""`nachash.Hasher`: learn a hash from images and apply it, in scikit-learn's manner."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nachash.errors import UsageError
from nachash.library.encoder import Encoder
from nachash.library.picture import Picture, opened
from nachash.shapes import UInt8
from nachash.tasks.train.options import TrainSettings
from nachash.tasks.train.train import train

if TYPE_CHECKING:
    from sklearn.utils import Tags


@dataclass
class Hasher:
    """Settings of the training, and after `fit` the encoder that it made.

    `epochs` None is as many as `nachash train` takes; `method` is one of its methods. It can be
    cloned by scikit-learn and be a step of its pipelines, without deriving from its classes,
    whose import takes long.
    """

    bits: int = 64
    epochs: int | None = None
    seed: int = 0
    method: str = "nac"
    encoder: Encoder | None = field(default=None, init=False, repr=False)

    def fit(
        self,
        images: str | Path | Sequence[Picture] | np.ndarray,
        labels: object = None,  # noqa: ARG002 (a pipeline hands them on)
    ) -> "Hasher":
        """Train on a folder, or on paths, Pillow images or a uint8 array; labels are not used.

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
                    method=self.method,
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
        self,
        images: Sequence[Picture] | np.ndarray,
        labels: object = None,  # noqa: ARG002
    ) -> UInt8[np.ndarray, "batch bytes"]:
        """`fit(images).transform(images)`."""
        return self.fit(images).transform(images)

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002, FBT001 (theirs)
        """The settings by name."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.init}

    def set_params(self, **settings: Any) -> "Hasher":
        """Change settings by name.

        Raises:
            UsageError: there is no such setting.
        """
        for name, value in settings.items():
            if name not in self.get_params():
                raise UsageError(f"a Hasher has no setting {name}", ", ".join(self.get_params()))
            setattr(self, name, value)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return self.encoder is not None

    def __sklearn_tags__(self) -> "Tags":
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type="transformer",
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(),
            input_tags=InputTags(three_d_array=True),
        )


def _written(images: Sequence[Picture] | np.ndarray, folder: Path) -> Path:
    """Pictures as PNG files of a new folder."""
    folder.mkdir()
    for number, picture in enumerate(images):
        opened(picture).convert("RGB").save(folder / f"{number:08}.png")
    return folder
