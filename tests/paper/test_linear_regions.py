"""Exact regions against counts known by hand, and against the signs of a network point by point."""

import itertools
import math

import numpy as np
import pytest

from nachash.paper.expressivity.linear_regions import Layer, linear_regions, neighbours

BOX = np.array([[-2.0, -2.0], [2.0, 2.0]])


def signs(layers, point):
    """Which units are on at a point, from the definition, number by number."""
    hidden, found = list(point), []
    for weight, bias in layers:
        sums = [sum(w * h for w, h in zip(row, hidden, strict=True)) for row in weight]
        activations = [total + b for total, b in zip(sums, bias, strict=True)]
        found += [a > 0 for a in activations]
        hidden = [max(a, 0.0) for a in activations]
    return tuple(found)


def random_network(seed, *sizes):
    rng = np.random.default_rng(seed)
    return [
        Layer(rng.normal(size=(after, before)), rng.normal(size=after))
        for before, after in itertools.pairwise(sizes)
    ]


def patterns_of(regions):
    return {tuple(region.pattern.tolist()) for region in regions}


@pytest.mark.parametrize("lines", range(1, 8))
def test_lines_in_general_position_make_one_plus_n_plus_n_choose_two(lines):
    # Tangents of the unit circle at irregular angles: no two parallel, no three through a point.
    angles = 0.3 + np.cumsum(1 / (2.0 + np.arange(lines)))
    layer = Layer(np.column_stack([np.cos(angles), np.sin(angles)]), -np.ones(lines))
    box = 1000 * BOX  # holds every crossing

    regions = linear_regions([layer], box)

    assert len(regions) == 1 + lines + math.comb(lines, 2)


def test_parallel_lines_cut_as_often_as_they_are():
    layer = Layer(np.array([[1.0, 0], [1, 0], [-2, 0]]), np.array([0.0, 1, 2]))

    assert len(linear_regions([layer], BOX)) == 4


def test_two_layers_are_cut_as_by_hand():
    # ReLU(x) + ReLU(y) = 1 is a bent line through three quadrants, and never reaches the fourth.
    layers = [Layer(np.eye(2), np.zeros(2)), Layer(np.ones((1, 2)), np.array([-1.0]))]

    regions = linear_regions(layers, BOX)

    assert len(regions) == 7
    areas = {tuple(region.pattern.tolist()): region.area for region in regions}
    assert areas[True, True, False] == pytest.approx(0.5)
    assert areas[False, True, True] == pytest.approx(2.0)
    assert areas[False, False, False] == pytest.approx(4.0)


@pytest.mark.parametrize("sizes", [(2, 5), (2, 4, 4), (2, 6, 5, 4)])
@pytest.mark.parametrize("seed", range(3))
def test_polygons_are_the_sign_patterns_and_sign_patterns_the_polygons(sizes, seed):
    layers = random_network(seed, *sizes)
    grid = np.linspace(-2, 2, 83)[1:-1]
    sampled = {signs(layers, point) for point in itertools.product(grid, grid)}

    regions = linear_regions(layers, BOX)

    assert sampled <= patterns_of(regions)
    # A convex region that holds a square of four cells, turned any way, holds a sampled point.
    wide = [region for region in regions if _holds_a_disc(region.polygon, 0.05)]
    assert patterns_of(wide) <= sampled
    assert len(wide) >= 4


def _holds_a_disc(polygon, radius):
    """Whether the middle of the vertices is at least so far from every edge."""
    middle = polygon.mean(axis=0)
    edges = zip(polygon, np.roll(polygon, -1, axis=0), strict=True)
    return all(
        (end - start)[0] * (middle - start)[1] - (end - start)[1] * (middle - start)[0]
        >= radius * np.linalg.norm(end - start)
        for start, end in edges
    )


@pytest.mark.parametrize("seed", range(5))
def test_inside_of_every_polygon_has_its_pattern_and_all_fill_the_box(seed):
    layers = random_network(seed, 2, 7, 6, 5)
    rng = np.random.default_rng(seed)

    regions = linear_regions(layers, BOX)

    assert sum(region.area for region in regions) == pytest.approx(16)
    # A pattern is met in one convex polygon only.
    assert len(patterns_of(regions)) == len(regions)
    for region in regions:
        if region.area > 1e-9:
            inside = rng.dirichlet(np.ones(len(region.polygon))) @ region.polygon
            assert signs(layers, inside) == tuple(region.pattern.tolist())


def test_a_dead_unit_and_a_line_along_the_border_cut_nothing():
    layer = Layer(np.array([[0.0, 0], [1, 0], [0, 1]]), np.array([3.0, -2, 2]))

    (whole,) = linear_regions([layer], BOX)

    assert whole.area == pytest.approx(16)
    assert whole.pattern.tolist() == [True, False, True]


def test_an_output_of_the_last_layer_cuts_as_one_more_layer():
    layers = random_network(0, 2, 4)
    classifier = Layer(np.ones((1, 4)), np.array([-0.5]))

    cut = linear_regions([*layers, classifier], BOX)

    assert patterns_of(linear_regions(layers, BOX)) == {p[:-1] for p in patterns_of(cut)}


def test_neighbours_are_the_pairs_that_differ_in_one_unit():
    patterns = np.stack([r.pattern for r in linear_regions(random_network(1, 2, 5, 4), BOX)])
    naive = {
        (one, other)
        for one, other in itertools.combinations(range(len(patterns)), 2)
        if sum(a != b for a, b in zip(patterns[one], patterns[other], strict=True)) == 1
    }

    found = {tuple(sorted(pair)) for pair in neighbours(patterns).tolist()}

    assert found == naive
    # The regions of a box are joined by their borders.
    assert len(naive) >= len(patterns) - 1


def test_no_pair_differs_in_one_unit():
    assert neighbours(np.array([[True, True], [False, False]])).shape == (0, 2)
