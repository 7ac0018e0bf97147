"""How well a linear classifier separates the very points that it was fitted to."""

import warnings
from typing import Final, NamedTuple

import numpy as np

from nachash.paper.expressivity.linear_regions import Layer
from nachash.shapes import Float64, Int64

# Nearly no regularisation: what is asked is what a line through the features can do.
_WEAK: Final = 1e4
_ITERATIONS: Final = 5000


class Separation(NamedTuple):
    """The classifier, as a layer whose only unit is on for class 1, and its training error."""

    classifier: Layer
    error: float


def separation(
    features: Float64[np.ndarray, "n features"], classes: Int64[np.ndarray, "n"]
) -> Separation:
    """Logistic regression of two classes on standardised features, with C = 10,000.

    The error is a share of the points. Zero means that a hyperplane separates the classes; above
    zero the least error possible may be a little smaller, since the loss is not the error.

    Raises:
        ValueError: there is one class only.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    mean, deviation = features.mean(axis=0), features.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    standard = (features - mean) / scale
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = LogisticRegression(C=_WEAK, max_iter=_ITERATIONS).fit(standard, classes)
    weight = fitted.coef_ / scale
    classifier = Layer(weight, fitted.intercept_ - weight @ mean)
    predicted = features @ classifier.weight[0] + classifier.bias[0] > 0
    return Separation(classifier, float((predicted != (classes == 1)).mean()))
