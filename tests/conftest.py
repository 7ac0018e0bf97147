"""Shapes and types of every annotated function in nachash are checked while tests run."""

import os

os.environ["NACHASH_CHECK_SHAPES"] = "1"

from jaxtyping import install_import_hook

install_import_hook("nachash", "beartype.beartype")
