"""Which number format training computes in."""

import pytest
import torch

from nachash.errors import UsageError
from nachash.training.arithmetic import autocast, autocast_type, check_precision

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("capability", "number"),
    [((7, 0), None), ((7, 5), None), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)],
    ids=["V100", "T4 and TITAN RTX", "A100", "H100"],
)
def test_bfloat16_is_for_gpus_that_multiply_it(monkeypatch, capability, number):
    # torch itself says yes to all four.
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: capability)
    monkeypatch.setattr(torch.version, "hip", None)

    assert autocast_type(GPU) is number


@pytest.mark.parametrize(
    ("precision", "number"),
    [("fp32", torch.float32), ("bf16", torch.bfloat16)],
)
def test_layers_compute_as_asked(precision, number):
    layer = torch.nn.Linear(4, 4)

    with autocast(CPU, precision):
        computed = layer(torch.ones(2, 4))

    assert computed.dtype == number


@pytest.mark.parametrize(("precision", "allowed"), [("fp32", False), ("tf32", True)])
def test_tensor_cores_round_products_only_where_asked(precision, allowed):
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32

    with autocast(CPU, precision):
        inside = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32

    assert inside == (allowed, allowed)
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == before


@pytest.mark.parametrize(
    ("precision", "sentence"),
    [("fp16", "'fp16' is not a precision"), ("tf32", "the device cpu has no TF32")],
)
def test_a_precision_that_is_not_there_is_refused(precision, sentence):
    with pytest.raises(UsageError, match=sentence):
        check_precision(precision, CPU)
