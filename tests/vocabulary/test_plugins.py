"""A folder is a registry."""

import subprocess
import sys

import pytest

from nachash import plugins
from nachash.errors import UsageError

KINDS = ["cli", "datasets", "engines", "methods", "augment", "encoders.backbones"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_plugin_has_a_name_and_a_one_line_summary(kind):
    names = plugins.names(kind)

    assert names
    for name in names:
        assert name == name.lower()
        assert 10 < len(plugins.summary(kind, name)) <= 100


def test_an_unknown_name_lists_the_known_ones_and_suggests():
    with pytest.raises(UsageError) as caught:
        plugins.load("datasets", "cifar")

    assert "cifar10" in caught.value.sentence
    assert caught.value.hint == "did you mean cifar10?"


def test_names_and_summaries_import_nothing():
    script = (
        "import sys; from nachash import plugins;"
        "[plugins.summary('methods', name) for name in plugins.names('methods')];"
        "assert 'torch' not in sys.modules and 'nachash.methods' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
