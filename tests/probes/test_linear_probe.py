"""Logistic regression reaches the optimum that gradient descent finds, and validation chooses."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from nachash.probes import linear, stratified


def blobs(count=90, dimensions=4, classes=3, seed=0):
    """Overlapping clusters, so that the optimum is finite and predictions are not all right."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    centres = rng.normal(0, 1.2, (classes, dimensions))
    rows = centres[labels] + rng.normal(0, 1, (count, dimensions))
    return 3 + rows * np.array([1, 10, 0.1, 2])[:dimensions], labels.astype(np.int64)


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def descended(rows, classes, penalty, steps=20_000):
    """Minimum of mean cross-entropy + penalty/2 ||W||^2, by small steps downhill."""
    truth = np.eye(classes.max() + 1)[classes]
    rate = min(0.3, 0.5 / penalty)
    weights, bias = np.zeros((rows.shape[1], truth.shape[1])), np.zeros(truth.shape[1])
    for _ in range(steps):
        error = (softmax(rows @ weights + bias) - truth) / len(rows)
        weights -= rate * (rows.T @ error + penalty * weights)
        bias -= rate * error.sum(axis=0)
    return weights, bias


def standardised(features):
    return (features - features.mean(axis=0)) / features.std(axis=0)


@pytest.mark.parametrize("penalty", [1.0, 0.03, 0.001])
def test_the_fit_is_the_optimum_of_plain_gradient_descent(penalty):
    features, classes = blobs()
    held = np.arange(0, 18)

    fitted = linear.classifier(features, classes, held, penalties=(penalty,), tolerance=1e-7)

    weights, bias = descended(standardised(features), classes, penalty)
    centred = fitted.bias - fitted.bias.mean()  # a number common to all classes changes nothing
    np.testing.assert_allclose(fitted.weights, weights.T, atol=1e-4)
    np.testing.assert_allclose(centred, bias - bias.mean(), atol=1e-4)
    assert fitted.converged


def test_the_chosen_penalty_is_the_most_accurate_on_what_was_held_out():
    features, classes = blobs(60, seed=3)
    features = np.hstack([features, np.random.default_rng(1).normal(size=(60, 40))])
    held = stratified.held_out(classes, 0.3, np.random.default_rng(0))
    kept = np.setdiff1d(np.arange(60), held)
    penalties = (10.0, 1.0, 0.1, 0.01, 0.0001)
    rows = standardised(features)  # by all images, as the probe does
    qualities = []
    for penalty in penalties:
        weights, bias = descended(rows[kept], classes[kept], penalty)
        shares = softmax(rows[held] @ weights + bias)
        accuracy = (shares.argmax(axis=1) == classes[held]).mean()
        qualities.append((accuracy, np.log(shares[np.arange(len(held)), classes[held]]).mean()))

    fitted = linear.classifier(features, classes, held, penalties=penalties, tolerance=1e-7)

    assert fitted.penalty == penalties[qualities.index(max(qualities))]
    assert len({round(accuracy, 6) for accuracy, _ in qualities}) > 1


def test_single_precision_predicts_as_double():
    features, classes = blobs(400, seed=5)
    held = stratified.held_out(classes, 0.2, np.random.default_rng(0))

    double = linear.classifier(features, classes, held)
    single = linear.classifier(features.astype(np.float32), classes, held)

    assert single.weights.dtype == np.float32
    same = double.predict(features) == single.predict(features.astype(np.float32))
    assert same.mean() > 0.99


def test_constant_features_and_two_classes_are_no_trouble():
    features, classes = blobs(80, classes=2)
    features[:, 1] = 7.0

    fitted = linear.classifier(features, classes, np.arange(20))

    assert np.isfinite(fitted.weights).all()
    assert (fitted.predict(features) == classes).mean() > 0.7


def test_the_scale_of_features_does_not_matter():
    features, classes = blobs()
    held = np.arange(15)

    one = linear.classifier(features, classes, held)
    other = linear.classifier(1000 * features - 5, classes, held)

    assert one.penalty == other.penalty
    np.testing.assert_allclose(one.weights, other.weights, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_sure_classifier_is_judged_by_its_logits_where_a_probability_is_zero(classes):
    rows, labels = blobs(classes=classes)
    model = LogisticRegression().fit(rows, labels)
    model.coef_ *= 1e4
    logits = model.decision_function(rows)
    if classes == 2:
        logits = np.stack((np.zeros(len(rows)), logits), axis=1)
    shifted = logits - logits.max(axis=1, keepdims=True)
    likely = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    accuracy, loss = linear._quality(model, rows, labels)

    assert (model.predict_proba(rows)[np.arange(len(rows)), labels] == 0).any()
    assert loss == pytest.approx(-likely[np.arange(len(rows)), labels].mean())
    assert accuracy == model.score(rows, labels) < 1
