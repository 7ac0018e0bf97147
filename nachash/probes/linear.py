"""The exact linear probe: multinomial logistic regression, its penalty chosen by validation.

Minimises (1/n) sum_i -log softmax(W x_i + b)[y_i] + (penalty/2) ||W||^2 over W and b, x_i
standardised. The objective is convex, so that the figure depends on the features and not on a
learning rate or the number of epochs. scikit-learn's lbfgs minimises the same, multiplied by
C n with C = 1 / (penalty n); stating the penalty per image makes the one that was chosen on a
part of the images hold for all of them. Of two classes scikit-learn fits the difference of the
rows of W, where the same penalty weighs twice as much.
"""

import copy
import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from nachash.shapes import Float, Float64, Int64

# Half decades, from nearly constant predictions to nearly no penalty.
PENALTIES: Final = tuple(10.0 ** (-step / 2) for step in range(13))
PATIENCE: Final = 3
TOLERANCE: Final = 1e-4
MOST_ITERATIONS: Final = 1000
_MOST_PRODUCTS: Final = 1 << 30  # of one pass with one thread: 50,000 x 1,280 x 10 is below


class Scaling(NamedTuple):
    """Mean and standard deviation of each feature, 1 where it is constant."""

    mean: Float[np.ndarray, "features"]
    deviation: Float[np.ndarray, "features"]

    @classmethod
    def of(cls, features: Float[np.ndarray, "n features"]) -> "Scaling":
        """That of some features, summed in double precision."""
        mean = features.mean(axis=0, dtype=np.float64)
        deviation = features.std(axis=0, dtype=np.float64)
        deviation[deviation <= 1e-6 * np.maximum(np.abs(mean), 1e-6)] = 1.0
        return cls(mean.astype(features.dtype), deviation.astype(features.dtype))

    def __call__(
        self, features: Float[np.ndarray, "n features"]
    ) -> Float[np.ndarray, "n features"]:
        """Features less the mean, divided by the deviation."""
        scaled = features - self.mean
        scaled /= self.deviation
        return scaled


@dataclass(frozen=True, slots=True)
class Tried:
    """One point of the path of penalties, measured on the part that was held out."""

    penalty: float
    accuracy: float
    loss: float
    model: Any


@dataclass(frozen=True, slots=True)
class Classifier:
    """A fitted probe; `converged` is false where the iterations were used up."""

    scaling: Scaling
    model: Any
    penalty: float
    converged: bool

    def predict(self, features: Float[np.ndarray, "n features"]) -> Int64[np.ndarray, "n"]:
        """The most probable class of each row."""
        return self.model.predict(self.scaling(features))

    @property
    def weights(self) -> Float[np.ndarray, "rows features"]:
        """A row per class (for two classes: one row, of the second) on standardised features."""
        return self.model.coef_

    @property
    def bias(self) -> Float[np.ndarray, "rows"]:
        """A number per row of the weights."""
        return self.model.intercept_


def classifier(
    features: Float[np.ndarray, "n features"],
    classes: Int64[np.ndarray, "n"],
    held_out: Int64[np.ndarray, "held"],
    *,
    penalties: tuple[float, ...] = PENALTIES,
    tolerance: float = TOLERANCE,
) -> Classifier:
    """The probe of some labelled features.

    The penalty is the one whose fit to the other images is most accurate on those held out, the
    more probable labels deciding between equals. Then all images are fitted with it, starting
    from that fit. Every class must be among the images that are not held out.

    Args:
        features: of all training images, as they come from the encoder.
        classes: of all training images.
        held_out: positions of the part that chooses.
        penalties: to choose from, strongest first.
        tolerance: largest entry of the gradient at which a fit of the path ends; the last fit
            ends at a tenth of it.
    """
    scaling = Scaling.of(features)
    scaled = scaling(features)
    kept = np.ones(len(classes), bool)
    kept[held_out] = False
    with _threads(features.size * len(np.unique(classes))):
        chosen = _best(
            scaled[kept], classes[kept], scaled[held_out], classes[held_out], penalties, tolerance
        )
        chosen.model.set_params(tol=tolerance / 10)
        _fit(chosen.model, scaled, classes, chosen.penalty)
    converged = int(chosen.model.n_iter_.max()) < MOST_ITERATIONS
    return Classifier(scaling, chosen.model, chosen.penalty, converged)


def _best(
    features: Float[np.ndarray, "n features"],
    classes: Int64[np.ndarray, "n"],
    held_features: Float[np.ndarray, "held features"],
    held_classes: Int64[np.ndarray, "held"],
    penalties: tuple[float, ...],
    tolerance: float,
) -> Tried:
    """The best point of the path, each fit starting from the one before.

    The path ends early when `PATIENCE` points in a row were worse than the best: the fits with
    little penalty take by far the most iterations.
    """
    model = _untrained(tolerance)
    best: Tried | None = None
    worse = 0
    for penalty in penalties:
        _fit(model, features, classes, penalty)
        accuracy, loss = _quality(model, held_features, held_classes)
        worse += 1
        if best is None or (accuracy, -loss) > (best.accuracy, -best.loss):
            best, worse = Tried(penalty, accuracy, loss, copy.deepcopy(model)), 0
        if worse == PATIENCE:
            break
    assert best is not None
    return best


def _threads(products: int) -> AbstractContextManager[Any]:
    """One thread for BLAS where a fit is small, whatever else the machine does.

    A product with as few columns as there are classes waits for memory, not for arithmetic, and
    its threads wait for one another: beside other work on 2 cores, eight fits of 40,000 x 128
    features took 288 s with two threads; these and six more took less than 55 s with one.
    """
    from threadpoolctl import threadpool_limits

    if products > _MOST_PRODUCTS:
        return nullcontext()
    limited: AbstractContextManager[Any] = threadpool_limits(1, user_api="blas")
    return limited


def _untrained(tolerance: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(
        solver="lbfgs", tol=tolerance, max_iter=MOST_ITERATIONS, warm_start=True
    )


def _fit(
    model: Any,
    features: Float[np.ndarray, "n features"],
    classes: Int64[np.ndarray, "n"],
    penalty: float,
) -> None:
    from sklearn.exceptions import ConvergenceWarning

    model.set_params(C=1 / (penalty * len(classes)))
    with warnings.catch_warnings():
        # On the path it does not matter; of the last fit `converged` tells.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features, classes)


def _quality(
    model: Any, features: Float[np.ndarray, "n features"], classes: Int64[np.ndarray, "n"]
) -> tuple[float, float]:
    """Accuracy, and mean negative log-likelihood of the true classes."""
    from scipy.special import log_softmax

    decisions = np.asarray(model.decision_function(features), np.float64)
    if decisions.ndim == 1:  # two classes: the log odds of the second
        decisions = np.stack((np.zeros_like(decisions), decisions), axis=1)
    # Not the logarithm of probabilities, which are 0 where a classifier is sure.
    logarithms: Float64[np.ndarray, "n classes"] = log_softmax(decisions, axis=1)
    columns = np.searchsorted(model.classes_, classes)
    accuracy = float((logarithms.argmax(axis=1) == columns).mean())
    return accuracy, -float(logarithms[np.arange(len(classes)), columns].mean())
