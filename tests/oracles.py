"""Slow references, written from the definitions; several tests share them."""

import itertools
from fractions import Fraction


def average_precision(ranking, at=None, over="found"):
    """AP of one ranking of 0s and 1s: mean precision at the relevant ranks; AP@K among K ranks."""
    possible = min(sum(ranking), at or len(ranking))
    ranking = list(ranking)[:at]
    hits, total = 0, Fraction(0)
    for rank, relevant in enumerate(ranking, start=1):
        if relevant:
            hits += 1
            total += Fraction(hits, rank)
    divisor = possible if over == "possible" else hits
    return total / divisor if hits else Fraction(0)


def rankings(blocks):
    """Every distinct order of relevant items within ties, with equal chances.

    `blocks` lists, by distance, (items, relevant items).
    """
    orders = []
    for items, relevant in blocks:
        places = itertools.combinations(range(items), relevant)
        orders.append([[int(place in chosen) for place in range(items)] for chosen in places])
    for parts in itertools.product(*orders):
        yield list(itertools.chain.from_iterable(parts))


def histograms(query_codes, gallery_codes, query_labels, gallery_labels, bits, score, exclude=None):
    """Items and relevant items by distance, by loops over pairs and bits."""
    items, relevant = [], []
    for query, (code, labels) in enumerate(zip(query_codes, query_labels, strict=True)):
        counts = [[0] * (bits + 1) for _ in range(2)]
        for position, (other, others) in enumerate(zip(gallery_codes, gallery_labels, strict=True)):
            if exclude is not None and exclude[query] == position:
                continue
            if score == "hamming":
                key = sum(bool(a) != bool(b) for a, b in zip(code, other, strict=True))
            else:
                key = bits - sum(bool(a) and bool(b) for a, b in zip(code, other, strict=True))
            counts[0][key] += 1
            counts[1][key] += any(a and b for a, b in zip(labels, others, strict=True))
        items.append(counts[0])
        relevant.append(counts[1])
    return items, relevant
