"""Codewords, boundaries on a way, planes and the linear classifier, against their definitions."""

import itertools

import numpy as np
import pytest

from nachash.paper.expressivity import codewords
from nachash.paper.expressivity.crossings import boundaries_crossed
from nachash.paper.expressivity.plane import plane_through
from nachash.paper.expressivity.separation import separation

RNG = np.random.default_rng(0)
PATTERNS = RNG.random((40, 3)) > 0.6
ZERO, ONE = np.array([0.0]), np.array([1.0])


def test_distinct_codes_are_counted():
    assert codewords.distinct(PATTERNS) == len({tuple(row.tolist()) for row in PATTERNS})
    wide = np.repeat(PATTERNS, 50, axis=1)
    assert codewords.distinct(wide) == codewords.distinct(PATTERNS)


def test_mean_distance_is_that_of_all_pairs():
    pairs = list(itertools.combinations(PATTERNS.tolist(), 2))
    total = sum(a != b for one, other in pairs for a, b in zip(one, other, strict=True))

    assert codewords.mean_distance(PATTERNS) == pytest.approx(total / len(pairs))


def turns(*places):
    """Patterns of one unit that changes its sign at some places between 0 and 1."""

    def patterns(points):
        crossed = [sum(float(point) > place for place in places) for point in points[:, 0]]
        return np.array([[number % 2 == 1] for number in crossed])

    return patterns


def test_every_change_of_a_sign_is_a_boundary():
    # 0.32 and 0.335 lie between two of the first 33 samples, and on both sides of a new one.
    patterns = turns(0.32, 0.335, 0.77)

    assert boundaries_crossed(patterns, ZERO, ONE, most=32) == (1, 32, False)
    assert boundaries_crossed(patterns, ZERO, ONE) == (3, 128, True)


def test_more_changes_than_samples_are_a_lower_bound_that_says_so():
    speeds = np.random.default_rng(1).uniform(500, 2000, 50)
    true = np.floor(speeds / np.pi).sum()

    way = boundaries_crossed(lambda points: np.sin(points * speeds) > 0, ZERO, ONE, most=256)

    assert way.crossed < true
    assert (way.intervals, way.stable) == (256, False)


def test_boundaries_are_at_least_the_distance_of_the_ends():
    rng = np.random.default_rng(1)
    weight = rng.normal(size=(30, 6))

    def patterns(points):
        return np.sin(3 * points @ weight.T) > 0

    start, end = rng.normal(size=(2, 6))
    ends = patterns(np.stack([start, end]))

    way = boundaries_crossed(patterns, start, end)

    # sin(3 <w, x>) changes its sign wherever 3 <w, x> passes a multiple of pi.
    phase = np.floor(3 * np.stack([start, end]) @ weight.T / np.pi)
    assert way.crossed == np.abs(phase[1] - phase[0]).sum()
    assert way.crossed >= (ends[0] != ends[1]).sum()


def test_a_plane_goes_through_its_inputs_and_keeps_distances():
    inputs = np.random.default_rng(2).normal(size=(3, 2, 4))

    plane = plane_through(inputs)

    np.testing.assert_allclose(plane.at(plane.corners), inputs, atol=1e-12)
    for one, other in itertools.combinations(range(3), 2):
        flat = np.linalg.norm(plane.corners[one] - plane.corners[other])
        assert flat == pytest.approx(np.linalg.norm(inputs[one] - inputs[other]))


def test_a_grid_holds_the_triangle_and_its_cells_are_square():
    plane = plane_through(np.random.default_rng(3).normal(size=(3, 5)))

    grid = plane.grid(8)

    low, high = plane.window()
    assert (plane.corners > low).all()
    assert (plane.corners < high).all()
    step = (high - low) / 8
    assert step[0] == pytest.approx(step[1])
    np.testing.assert_allclose(grid[0, 0], low + step / 2)
    np.testing.assert_allclose(grid[1, 0] - grid[0, 0], [0, step[1]], atol=1e-12)
    np.testing.assert_allclose(grid[-1, -1], high - step / 2)


@pytest.mark.parametrize("third", [(0.0, 0, 0), (1, 2, 3), (2, 4, 6), (0.5, 1, 1.5)])
def test_inputs_on_a_line_span_no_plane(third):
    with pytest.raises(ValueError, match="line"):
        plane_through(np.array([(0.0, 0, 0), (1, 2, 3), third]))


def test_equal_inputs_span_no_plane():
    with pytest.raises(ValueError, match="equal"):
        plane_through(np.ones((3, 4)))


def test_a_line_between_two_clouds_has_no_error():
    rng = np.random.default_rng(4)
    classes = np.arange(60) % 2
    points = rng.normal(size=(60, 3)) + 20 * classes[:, None]

    assert separation(points, classes).error == 0


def test_no_line_separates_the_corners_of_a_square():
    corners = np.array([[0.0, 0], [1, 1], [0, 1], [1, 0]]).repeat(5, axis=0)
    classes = np.array([0, 0, 1, 1]).repeat(5)

    assert separation(corners, classes).error >= 0.25


def test_the_error_is_that_of_the_classifier_in_the_features_own_units():
    rng = np.random.default_rng(5)
    features = np.column_stack([rng.normal(5, 100, 80), rng.normal(0, 0.01, 80), np.full(80, 7.0)])
    classes = (features[:, 0] / 100 + 100 * features[:, 1] + rng.normal(size=80) > 0).astype(int)

    (weight, bias), error = separation(features, classes)

    wrong = sum(
        (sum(w * f for w, f in zip(weight[0], row, strict=True)) + bias[0] > 0) != (label == 1)
        for row, label in zip(features, classes, strict=True)
    )
    assert error == wrong / 80
    assert 0 < error < 0.4


def test_one_class_cannot_be_separated():
    with pytest.raises(ValueError, match="class"):
        separation(np.zeros((4, 2)), np.ones(4, int))
