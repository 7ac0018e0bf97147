"""Reports of use that other libraries send unless they are told otherwise: all switched off.

Importing nachash does it, because most of them look once, when they are loaded. A new dependency
that reports gets a line here; so would ray (RAY_USAGE_STATS_ENABLED=0) and mlflow
(MLFLOW_DISABLE_TELEMETRY=true). `tests/test_nothing_leaves.py` notices one that was forgotten.
"""

import os
from typing import Final

SWITCHES: Final = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime, from 1.29
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub, by which timm downloads
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
}


def switch_off() -> None:
    """Set the variables by which the libraries are told, here and in every child process."""
    os.environ.update(SWITCHES)
