"""Which Hamming radius a command uses when none is given."""

SHARE_OF_BITS = 20  # one bit in so many may differ when nothing was measured


def same_photo_radius(bits: int) -> tuple[int, str]:
    """The radius for copies of the same photo, and a sentence that says where it is from."""
    radius = bits // SHARE_OF_BITS
    return radius, f"radius: {radius} of {bits} bits (one in {SHARE_OF_BITS}; not calibrated)"
