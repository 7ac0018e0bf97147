"""JSON for machines, one object per line; the keys are documented in docs/json.md."""

from collections.abc import Iterator

from nachash.records import to_json
from nachash.results.search import Answer


def hits(answer: Answer) -> Iterator[str]:
    """A line per hit, best first, query by query; what a hit does not have is left out."""
    for row in answer.hits:
        for hit in row:
            fields = {name: getattr(hit, name) for name in hit.__slots__}
            optional = ("label", "asymmetric", "width", "height", "taken")
            left_out = {name for name in optional if fields[name] is None}
            yield to_json({name: fields[name] for name in fields if name not in left_out})
