"""Who may set which option: everything that writes, moves, listens or loads is the owner's."""

import os
import typing
from pathlib import Path

import pytest
import typer

from nachash import plugins, settings
from nachash.cli import _app, _settings
from nachash.errors import UsageError
from nachash.settings import Option, SetBy


def command(name):
    """A command as typer has it."""
    program = typer.main.get_command(_app._application(name.split(".")[:1]))
    for part in name.split("."):
        program = program.commands[part]
    return program


def declared(name):
    *groups, last = name.split(".")
    folder = ".".join(("cli", *groups))
    return typing.get_type_hints(plugins.load(folder, last).command, include_extras=True)


@pytest.mark.parametrize("name", sorted(_settings.commands()))
def test_every_option_says_who_may_set_it(name):
    hints = declared(name)
    for parameter in command(name).params:
        if parameter.param_type_name != "option" or parameter.name not in hints:
            continue
        said = [each for each in hints[parameter.name].__metadata__ if isinstance(each, SetBy)]
        assert len(said) == 1, f"{parameter.name} of {name} does not say who may set it"
        names_a_place = parameter.type.name == "path" or parameter.name in ("host", "port")
        assert not (names_a_place and said[0] is SetBy.ANYBODY), parameter.name


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("search", "html"),
        ("search", "overwrite"),
        ("search", "show"),
        ("dedup", "move_to"),
        ("dedup", "apply"),
        ("dedup", "max_distance"),
        ("serve", "host"),
        ("serve", "port"),
        ("encode", "model"),
        ("encode", "labels"),
        ("train", "out"),
        ("train", "backbone"),
        ("index.remove", "missing"),
    ],
)
def test_what_acts_is_the_owners(name, option):
    found = _settings.options(name.split("."), command(name))

    assert found[option].set_by is SetBy.OWNER


def any_value(value):
    if value == "wrong":
        raise ValueError("it is wrong")


OPTIONS = {
    "k": Option("k", SetBy.ANYBODY, any_value),
    "html": Option("html", SetBy.OWNER, any_value),
    "index": Option("index_", SetBy.NEIGHBOUR, any_value),
}


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A function that writes the two files and says what they set for `search`."""
    here, own = tmp_path / "here", tmp_path / "own"
    here.mkdir()
    own.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("NACHASH_CONFIG", str(own))

    def read(here_text=None, own_text=None):
        for folder, text in ((here, here_text), (own, own_text)):
            if text is not None:
                (folder / "nachash.toml").write_text(text)
        return settings.settings("search", lambda: OPTIONS, lambda: {"search", "train"})

    return read


def test_a_folders_file_goes_before_the_users_and_both_are_told(written, tmp_path):
    found = written("[search]\nk = 3\n[train]\nwhatever = 1\n", '[search]\nk = 4\nhtml = "a"\n')

    assert found.values == {"k": 3, "html": "a"}
    assert found.told == (
        f"settings: {tmp_path / 'own' / 'nachash.toml'} (k, html)",
        "settings: nachash.toml (k)",
    )


@pytest.mark.parametrize("place", ["../out.h5", "/out.h5", "link/out.h5", "~/out.h5/\\u0000"])
def test_a_path_that_leads_out_of_the_folder_is_refused(written, tmp_path, place):
    (tmp_path / "here" / "link").symlink_to(tmp_path)

    with pytest.raises(UsageError, match="does not lie in this folder"):
        written(f'[search]\nindex = "{place}"\n')

    assert written('[search]\nindex = "sub/out.h5"\n').values == {"index_": "sub/out.h5"}


def test_a_folders_file_may_not_write_and_the_users_may(written):
    with pytest.raises(UsageError, match="anybody may have put there"):
        written('[search]\nhtml = "page.html"\n')


def test_a_wrong_value_is_one_sentence(written):
    with pytest.raises(UsageError, match="'k' of \\[search\\] does not fit: it is wrong"):
        written('[search]\nk = "wrong"\n')


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[search]\nk = " + "[" * 20_000, "nested too deeply"),
        ("[search]\nk = " + "9" * 5_000, "not valid TOML"),
        ("#" * 70_000, "larger than 64 KiB"),
        ("search = 1", "is not a table"),
    ],
)
def test_a_file_that_nobody_would_write_is_refused(written, text, word):
    with pytest.raises(UsageError, match=word):
        written(text)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_no_file_is_waited_for(written, tmp_path):
    place = tmp_path / "here" / "nachash.toml"
    os.mkfifo(place)
    with pytest.raises(UsageError, match="not a regular file"):
        written()
    place.unlink()
    place.mkdir()
    with pytest.raises(UsageError, match="directory"):
        written()
    place.rmdir()
    place.symlink_to("/dev/zero")
    with pytest.raises(UsageError, match="not a regular file"):
        written()
    place.unlink()
    place.symlink_to("nowhere")
    assert written().values == {}


@pytest.mark.parametrize(
    ("option", "wrong", "right"),
    [
        ("k", [True, 2.5, 0, "x", [1], {}], [3, "3"]),
        ("under", ["a", [["a"]], [True]], [["a", "b"], []]),
        ("similar", [1, "true"], [True]),
        ("html", [3, True], ["a.html"]),
    ],
)
def test_values_are_of_the_types_of_their_options(option, wrong, right):
    fitting = _settings.options(["search"], command("search"))[option].fitting
    for value in right:
        fitting(value)
    for value in wrong:
        with pytest.raises(ValueError):
            fitting(value)


def test_the_users_folder_is_that_of_platformdirs(monkeypatch, tmp_path):
    from platformdirs import user_config_path

    monkeypatch.delenv("NACHASH_CONFIG", raising=False)
    for value in ("", str(tmp_path)):
        monkeypatch.setenv("XDG_CONFIG_HOME", value)
        assert settings.own_file() == user_config_path("nachash", appauthor=False) / "nachash.toml"


def test_without_a_home_there_is_no_file(monkeypatch):
    monkeypatch.delenv("NACHASH_CONFIG", raising=False)
    monkeypatch.setattr(settings, "_configuration_folder", lambda: Path("~/.config/nachash"))

    assert settings.own_file() is None
