"""A code as a pattern of squares, drawn as the path of an SVG."""

from nachash.results.page import Tile

COLUMNS = 16
LARGEST = 0.84  # side of a square, in units of its cell


def columns(code: str) -> int:
    """Cells in a line: 16, or 64 for codes of more than 256 bits."""
    return COLUMNS if len(code) <= COLUMNS * COLUMNS else 4 * COLUMNS


def lines(code: str) -> int:
    """Lines of cells."""
    return -(-len(code) // columns(code))


def squares(bits: str) -> str:
    """A square for every 1."""
    width = columns(bits)
    return "".join(
        f"M{place % width} {place // width}h{LARGEST}v{LARGEST}h-{LARGEST}z"
        for place, bit in enumerate(bits)
        if bit == "1"
    )


def same_ones(tile: Tile) -> str:
    """Squares for the ones that the row's first picture has too."""
    return common(tile.code, tile.difference)


def common(code: str, difference: str) -> str:
    """Squares for the ones of a code that do not differ."""
    pairs = zip(code, difference, strict=True)
    return squares("".join("1" if pair == ("1", "0") else "0" for pair in pairs))
