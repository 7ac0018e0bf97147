"""What `--set NAME=VALUE` hands to a method."""

import pytest
import typer

from nachash.cli.train import _setting


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("queue=4096", 4096),
        ("momentum=0.99", 0.99),
        ("symmetric=false", False),
        ("symmetric=true", True),
        ("posterior=network", "network"),
        ("queue=auto", "auto"),
    ],
)
def test_a_value_is_read_as_what_it_looks_like(text, value):
    name, found = _setting(text)

    assert name == text.partition("=")[0]
    assert found == value
    assert type(found) is type(value)


def test_a_setting_without_a_value_is_refused():
    with pytest.raises(typer.BadParameter, match="is not NAME=VALUE"):
        _setting("queue")
