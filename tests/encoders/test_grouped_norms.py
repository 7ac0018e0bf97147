"""Batch norms in groups against one forward pass for each group."""

import pytest
import torch

from nachash.encoders.encoder import Head, initial
from nachash.encoders.grouped_norms import grouped_norms
from nachash.errors import UsageError

VIEWS, BATCH = 2, 8


def network():
    torch.manual_seed(0)
    return initial("small", weights="random", bits=16, head="batch-norm").double().train()


def images():
    return torch.rand(VIEWS * BATCH, 3, 16, 16, generator=torch.Generator().manual_seed(1)).double()


@pytest.mark.parametrize("groups", [2, 4, 8])
def test_groups_are_separate_forward_passes(groups):
    apart, grouped = network(), network()
    torch.manual_seed(3)
    order = torch.cat([torch.arange(BATCH), BATCH + torch.randperm(BATCH)])

    torch.manual_seed(3)
    with grouped_norms(grouped, groups, views=VIEWS, rows=VIEWS * BATCH):
        together = grouped(images())
    passes = [apart(part) for part in images()[order].chunk(groups)]

    expected = torch.cat([one.activations for one in passes])
    torch.testing.assert_close(together.activations[order], expected)
    together.activations.square().sum().backward()
    expected.square().sum().backward()
    for ours, theirs in zip(grouped.parameters(), apart.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
    for name, theirs in apart.state_dict().items():
        torch.testing.assert_close(grouped.state_dict()[name], theirs, msg=name)


def test_at_inference_nothing_is_grouped_or_shuffled():
    plain, grouped = network().eval(), network().eval()

    with grouped_norms(grouped, 4, views=VIEWS, rows=VIEWS * BATCH):
        found, expected = grouped(images()), plain(images())

    assert torch.equal(found.activations, expected.activations)
    assert str(grouped) == str(plain)


def test_a_head_alone_has_groups_too():
    head = Head(12, 8, "batch-norms").train()

    with grouped_norms(head, 2, views=2, rows=16):
        encoded = head(torch.randn(16, 12))

    for group in encoded.activations[:8], encoded.activations[8:]:
        torch.testing.assert_close(group.mean(dim=0), torch.zeros(8), rtol=0, atol=1e-5)


@pytest.mark.parametrize("groups", [0, 3, 5, 16])
def test_groups_that_mix_views_or_hold_one_row_are_refused(groups):
    grouped = grouped_norms(network(), groups, views=VIEWS, rows=VIEWS * BATCH)

    with pytest.raises(UsageError, match="cannot be normalised in"), grouped:
        pass
