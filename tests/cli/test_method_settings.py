"""What `--set NAME=VALUE` hands to a method."""

import inspect

import pytest

from nachash import plugins
from nachash.errors import UsageError
from nachash.tasks.train.method_settings import checked, settings_of
from nachash.tasks.train.options import assigned


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
    name, found = assigned(text)

    assert name == text.partition("=")[0]
    assert found == value
    assert type(found) is type(value)


def test_a_setting_without_a_value_is_refused():
    with pytest.raises(ValueError, match="is not NAME=VALUE"):
        assigned("queue")


@pytest.mark.parametrize(
    ("method", "given", "expected"),
    [
        ("simclr", {"temperature": 1}, {"temperature": 1.0}),
        ("nac", {"noise": "auto", "posterior": "code"}, {"noise": "auto", "posterior": "code"}),
        ("moco-v2", {"queue": 64, "symmetric": False}, {"queue": 64, "symmetric": False}),
    ],
)
def test_values_of_the_right_type_are_taken(method, given, expected):
    assert checked(plugins.load("methods", method), method, given) == expected


@pytest.mark.parametrize(
    ("method", "given", "hint"),
    [
        ("simclr", {"temperature": "abc"}, "--set temperature=NUMBER"),
        ("simclr", {"temperature": True}, "--set temperature=NUMBER"),
        ("moco-v2", {"queue": "abc"}, "--set queue=COUNT or auto"),
        ("moco-v2", {"queue": 1.5}, "--set queue=COUNT or auto"),
        ("moco-v2", {"symmetric": 1}, "--set symmetric=true|false"),
        ("nac", {"noise": "loud"}, "--set noise=NUMBER or auto"),
    ],
)
def test_a_value_of_another_type_is_refused(method, given, hint):
    (setting,) = given

    with pytest.raises(UsageError, match=f"is not a value of {setting}, a setting of") as caught:
        checked(plugins.load("methods", method), method, given)

    assert caught.value.hint == hint


@pytest.mark.parametrize("method", plugins.names("methods"))
def test_every_setting_of_every_method_has_a_type_that_can_be_typed(method):
    plugin = plugins.load("methods", method)

    for setting in settings_of(plugin):
        default = inspect.signature(plugin.method).parameters[setting].default
        assert checked(plugin, method, {setting: default}) == {setting: default}
