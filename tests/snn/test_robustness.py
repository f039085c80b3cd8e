"""Corruptions by hand, gradients by the membranes, and an attack on a network that can be seen through."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from spikeloop import snn
from spikeloop.cli.main import main
from spikeloop.snn.robustness.bench import Classifier, accuracy, bench
from spikeloop.snn.robustness.corruptions import CORRUPTIONS, corrupt
from spikeloop.snn.robustness.drawing import curves_svg
from spikeloop.snn.robustness.potential_dependent import (
    PotentialDependent,
    density,
    potential_dependent,
)
from spikeloop.snn.robustness.sparse_attack import flipped, margin, sparse_attack

torch.set_num_threads(1)


def counts(seed=0, steps=6, samples=3, most=2):
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, most + 1, (steps, samples, 2, 8, 9), generator=random).float()


@pytest.mark.parametrize("name", list(CORRUPTIONS))
def test_no_severity_changes_nothing_and_seeds_fix_everything(name):
    x = counts()
    before = x.clone()
    assert torch.equal(corrupt(x, name, 0.0, 1, 2), x)
    first = corrupt(x, name, 0.5, 1, 2)
    assert torch.equal(first, corrupt(x, name, 0.5, 1, 2)) and torch.equal(x, before)
    assert not torch.equal(first, corrupt(x, name, 0.5, 2, 2))


@settings(max_examples=30)
@given(st.sampled_from(list(CORRUPTIONS)), st.floats(0, 1), st.integers(0, 99))
def test_counts_stay_counts(name, severity, seed):
    y = corrupt(counts(seed), name, severity, seed, 2)
    assert y.shape == (6, 3, 2, 8, 9) and y.min() >= 0 and y.max() <= 2
    assert torch.equal(y, y.round())


def test_each_corruption_does_what_it_says():
    empty = torch.zeros(40, 4, 2, 16, 16)
    assert corrupt(empty, "noise", 0.02, 1, 1).mean() == pytest.approx(0.02, rel=0.1)
    full = torch.full((10, 4, 2, 16, 16), 3.0)
    assert corrupt(full, "drop", 0.75, 1, 3).mean() == pytest.approx(0.75, rel=0.05)
    hot = corrupt(empty, "hot_pixels", 0.1, 1, 3)
    assert not hot[:, :, 0].any()
    assert torch.equal(hot[0], hot[-1]) and set(hot.unique().tolist()) == {0.0, 3.0}
    assert (hot[0, :, 1] > 0).float().mean() == pytest.approx(0.1, abs=0.03)
    first = torch.zeros(8, 1, 2, 32, 32)
    first[0] = 1
    late = corrupt(first, "latency", 1.0, 1, 1)
    when = (late * torch.arange(8.0).view(-1, 1, 1, 1, 1)).sum() / late.sum()
    assert 0.7 < float(when) < 1.2 and late.sum(0).max() == 1


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="did you mean 'noise'"):
        corrupt(counts(), "nois", 0.1, 1, 2)
    with pytest.raises(ValueError, match="at least 0"):
        corrupt(counts(), "drop", -0.1, 1, 2)
    with pytest.raises(ValueError, match="more than most = 1"):
        corrupt(counts(), "drop", 0.1, 1, 1)
    with pytest.raises(ValueError, match="one sample"):
        sparse_attack(lambda x: x, counts(), 0)


def test_the_surrogate_is_the_density_of_the_membranes():
    surrogate = PotentialDependent()
    torch.manual_seed(1)
    x = torch.randn(2, 3, 4, 5, requires_grad=True)
    spikes = surrogate(x)
    assert torch.equal(spikes, (x >= 0).float())
    spikes.sum().backward()
    sigma = x.detach().std((0, 2, 3), correction=0, keepdim=True)
    wanted = torch.exp(-((x.detach() - sigma / 2) ** 2) / (2 * sigma**2)) / (
        sigma * math.sqrt(2 * math.pi)
    )
    assert torch.allclose(x.grad, wanted, atol=1e-5)
    # A second step counts together with the first.
    more = torch.randn(2, 3, 4, 5)
    both = torch.cat([x.detach(), more]).std((0, 2, 3), correction=0, keepdim=True)
    assert torch.allclose(surrogate.derivative(more), density(more, both), atol=1e-4)


def test_surrogates_are_lent_and_spikes_stay():
    model = nn.Sequential(nn.Linear(4, 5), snn.LIF(5e-3, 1e-3, unit_input=True, threshold=0.2))
    before, x = model[1].surrogate, torch.rand(7, 2, 4)
    spikes = snn.run(model, x)
    snn.reset(model)
    with potential_dependent(model) as forget:
        forget()
        assert model[1].surrogate is not before
        assert torch.equal(snn.run(model, x), spikes)
    assert model[1].surrogate is before


class Counting(nn.Module):
    """Class 1 where more events lie on the right half than on the left."""

    def forward(self, x):
        half = x.shape[-1] // 2
        return torch.stack([x[..., :half].sum((1, 2, 3)), x[..., half:].sum((1, 2, 3))], 1)


def pictures():
    x = torch.zeros(2, 6, 2, 4, 8)
    x[:, :3, :, :2, :4] = 1  # left
    x[:, 3:, :, :2, 4:] = 1
    x[0, 0, 0, 3, 6] = 1
    return x, torch.tensor([0, 0, 0, 1, 1, 1])


def test_the_attack_flips_no_more_than_it_must():
    x, labels = pictures()
    subject = Classifier(Counting(), x, labels)
    assert accuracy(subject, x) == 1.0
    result = sparse_attack(subject.logits, x[:, :1], 0, start=4)
    # 32 events on the left, 1 on the right: 32 flips make the margin negative.
    assert result.success and result.flips == 32
    assert result.share == pytest.approx(32 / 128)
    assert int((result.x != x[:, :1]).sum()) == 32
    assert float(margin(subject.logits(result.x), 0)) < 0
    failed = sparse_attack(subject.logits, x[:, :1], 0, start=2, rounds=2)
    assert not failed.success and torch.equal(failed.x, x[:, :1])
    assert not sparse_attack(subject.logits, x[:, :1], 1).success
    assert torch.equal(
        flipped(torch.tensor([0.0, 2.0, 1.0]), torch.tensor([True, True, False])),
        torch.tensor([1.0, 0.0, 1.0]),
    )


def test_the_bench_gives_curves_and_their_picture():
    x, labels = pictures()
    found = bench(Classifier(Counting(), x, labels, most=1), quick=True)
    assert found["clean"] == 1.0 and {f"{name}_mean" for name in CORRUPTIONS} <= set(found)
    assert 0 <= found["attack_success"] <= 1
    picture = curves_svg(found)
    assert picture.startswith("<svg") and picture.count("<polyline") == len(CORRUPTIONS)


def test_a_spiking_network_is_attacked_by_both_gradients():
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        snn.LIF(5e-3, 1e-3, unit_input=True, threshold=0.3),
        nn.Flatten(),
        nn.Linear(4 * 4 * 8, 2),
    )
    x, _ = pictures()
    subject = Classifier(model.eval(), x, torch.zeros(6, dtype=torch.int64))
    with torch.no_grad():
        labels = subject.logits(x).argmax(1)
    with potential_dependent(model) as forget:
        own = sparse_attack(subject.logits, x[:, :1], int(labels[0]), before=forget)
    plain = sparse_attack(subject.logits, x[:, :1], int(labels[0]))
    assert own.success and plain.success


def test_a_task_without_a_classifier_is_told(capsys):
    assert main(["eval", "pid", "--corruptions"]) == 2
    text = capsys.readouterr().err
    assert "task 'pid' offers no classifier" in text and "gesture" in text


def test_the_command_writes_table_and_picture(tmp_path, capsys):
    out = tmp_path / "r.json"
    assert main(["eval", "delays", "--corruptions", "--quick", "--json", str(out)]) == 0
    assert '"clean"' in out.read_text() and out.with_suffix(".svg").exists()
    assert "latency_mean" in capsys.readouterr().out
