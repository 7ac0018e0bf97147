"""`nachash.toml`: tables per command, checked keys, a suggestion for a misspelt one."""

import pytest

from nachash import settings
from nachash.errors import UsageError

KNOWN = {"train": {"bits", "batch_size"}, "eval-map": {"at"}}


def test_a_missing_file_gives_no_defaults(tmp_path):
    assert settings.read(tmp_path / "nachash.toml", KNOWN) == {}


def test_keys_are_spelt_as_flags_and_come_back_with_underscores(tmp_path):
    file = tmp_path / "nachash.toml"
    file.write_text("[train]\nbatch-size = 32\nbits = 16\n[eval-map]\nat = 5\n")

    read = settings.read(file, KNOWN)

    assert read == {"train": {"batch_size": 32, "bits": 16}, "eval-map": {"at": 5}}


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        ("[train]\nbatch-sise = 3\n", "'batch-sise' is not an option", "did you mean batch-size?"),
        ("[trian]\nbits = 3\n", "[trian] is not a command", "did you mean train?"),
        ("bits = 3\n", "[bits] is not a command", "known: eval-map, train"),
        ("[train\n", "is not valid TOML", ""),
    ],
)
def test_a_mistake_is_one_sentence_with_a_suggestion(tmp_path, text, sentence, hint):
    file = tmp_path / "nachash.toml"
    file.write_text(text)

    with pytest.raises(UsageError) as caught:
        settings.read(file, KNOWN)

    assert sentence in caught.value.sentence
    assert caught.value.hint == hint
