"""The radius of candidates grows while few other pictures are looked at, and no farther."""

import numpy as np

from nachash import codes
from nachash.tasks.dedup.candidate_radius import candidate_radius


def random_codes(count, bits=64):
    return np.random.default_rng(1).integers(0, 256, (count, bits // 8), np.uint8)


def test_random_codes_of_few_images_are_compared_up_to_one_bit_in_six():
    assert candidate_radius(random_codes(200), 64, least=3) == 10


def test_codes_that_lie_together_keep_the_least_radius():
    crowded = codes.pack(np.random.default_rng(2).random((2_000, 64)) < 0.02)

    assert candidate_radius(crowded, 64, least=3) == 3


def test_more_images_have_a_smaller_radius():
    some = np.random.default_rng(3).random((4_000, 64)) < 0.1

    few, many = (candidate_radius(codes.pack(some[:count]), 64, least=0) for count in (40, 4_000))

    assert many < few


def test_a_single_image_and_none_have_the_least():
    assert candidate_radius(random_codes(1), 64, least=3) == 3
    assert candidate_radius(random_codes(0), 64, least=3) == 3
