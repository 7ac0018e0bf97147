"""JSON for machines, one object per line; the keys are documented in docs/json.md."""

from collections.abc import Iterator

from nachash.records import Answer, to_json


def hits(answer: Answer) -> Iterator[str]:
    """A line per hit, best first, query by query; `label` only where the index has labels."""
    for row in answer.hits:
        for hit in row:
            fields = {name: getattr(hit, name) for name in hit.__slots__}
            if hit.label is None:
                del fields["label"]
            yield to_json(fields)
