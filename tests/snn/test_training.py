"""Rules learn, repeat to the bit, go on where they stopped, and keep what they promise."""

import gc

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from spikeloop import snn
from spikeloop.parameters import ParameterError, build_config
from spikeloop.snn.training.anytime import (
    Anytime,
    Confidence,
    calibrated,
    choose_threshold,
    cosine_strain,
    exits,
    gap,
    running_mean,
)
from spikeloop.snn.training.broadcast import Broadcast
from spikeloop.snn.training.hoyer import Hoyer, HoyerSpike
from spikeloop.snn.training.rule import BPTT
from spikeloop.snn.training.sltt import SLTT
from spikeloop.snn.training.three_factor import ThreeFactor
from spikeloop.snn.training.trainer import RULES, Trainer, TrainingConfig

DT, STEPS, CLASSES, INPUTS = 1e-3, 8, 4, 20


def patterns(count, seed):
    """Noisy spikes; each class excites a quarter of the inputs more."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, CLASSES, (count,), generator=generator)
    rates = torch.full((count, INPUTS), 0.2)
    for n, label in enumerate(labels.tolist()):
        rates[n, 5 * label : 5 * label + 5] = 0.5
    x = torch.rand(count, STEPS, INPUTS, generator=generator) < rates.unsqueeze(1)
    return TensorDataset(x.float(), labels)


def network(neuron=None):
    torch.manual_seed(0)
    hidden = neuron or snn.LIF(4e-3, DT, unit_input=True, threshold=0.5)
    return nn.Sequential(nn.Linear(INPUTS, 24), hidden, nn.Linear(24, CLASSES))


def accuracy(model, seed=99):
    data = patterns(300, seed)
    outputs, labels = Trainer(TrainingConfig(), quiet=True).outputs(model, data)
    return float((outputs.mean(0).argmax(1) == labels).float().mean())


@pytest.mark.parametrize(
    "make",
    [
        lambda: (BPTT(), None),
        lambda: (SLTT(), None),
        lambda: (SLTT(steps=2), None),
        lambda: (Anytime(0.2), None),
        lambda: (Anytime(0.0, layers=0.02), None),
        lambda: (Anytime(early=0.5), None),
        lambda: (Hoyer(1e-3), HoyerSpike()),
        lambda: (Broadcast(), None),
    ],
    ids=["bptt", "sltt", "sltt-2", "anytime", "aoi", "early", "hoyer", "three-factor"],
)
def test_each_rule_learns_repeats_and_resumes(make, tmp_path):
    config = TrainingConfig(epochs=8, learning_rate=1e-2)
    data = patterns(300, 1)
    rule, neuron = make()
    model = network(neuron)
    assert accuracy(model) < 0.6
    done = Trainer(config, rule, quiet=True, out=tmp_path / "whole").fit(model, data)
    assert accuracy(model) > 0.8
    assert len(done.history) == 8
    losses = [figures["validation_loss"] for figures in done.history]
    assert done.best_epoch == losses.index(min(losses))

    class Interrupted(Exception):
        pass

    class Stops:
        """Breaks off in the fifth epoch."""

        def __init__(self, rule):
            self.rule, self.left = rule, 4 * 8 + 3
            if hasattr(rule, "generator"):
                self.generator = rule.generator

        def backward(self, *args):
            self.left -= 1
            if self.left < 0:
                raise Interrupted
            return self.rule.backward(*args)

    rule, neuron = make()
    with pytest.raises(Interrupted):
        Trainer(config, Stops(rule), quiet=True, out=tmp_path / "cut").fit(network(neuron), data)
    rule, neuron = make()
    other = network(neuron)
    again = Trainer(config, rule, quiet=True, out=tmp_path / "cut").fit(other, data)
    assert again.history == done.history
    for key, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[key], value)


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    data = patterns(40, 1)
    Trainer(TrainingConfig(epochs=1), out=tmp_path, quiet=True).fit(network(), data)
    with pytest.raises(ValueError, match="another configuration"):
        Trainer(TrainingConfig(epochs=2), out=tmp_path, quiet=True).fit(network(), data)


def test_the_validation_split_is_always_there_and_apart():
    trainer = Trainer(TrainingConfig(validation_share=0.25), quiet=True)
    train, validation = trainer.split(patterns(40, 1))
    assert len(train) == 30
    assert not set(train.indices) & set(validation.indices)
    with pytest.raises(ValueError, match="2 samples can't be split"):
        Trainer(TrainingConfig(validation_share=0.1), quiet=True).split(patterns(2, 1))
    with pytest.raises(ParameterError, match="validation_share"):
        build_config(TrainingConfig, {"validation_share": 0.0})


def peak_saved(rule, steps):
    """Greatest size of all tensors that autograd held at once, bytes."""
    held = {"now": 0, "peak": 0}

    class Kept:
        def __init__(self, tensor):
            self.tensor = tensor
            held["now"] += tensor.numel() * tensor.element_size()
            held["peak"] = max(held["peak"], held["now"])

        def __del__(self):
            held["now"] -= self.tensor.numel() * self.tensor.element_size()

    torch.manual_seed(0)
    model, x = network(), torch.rand(steps, 16, INPUTS)
    gc.collect()
    with torch.autograd.graph.saved_tensors_hooks(Kept, lambda kept: kept.tensor):
        rule.backward(model, x, torch.zeros(16, dtype=torch.int64), nn.functional.cross_entropy)
    return held["peak"]


def test_slt_memory_does_not_grow_with_time():
    assert peak_saved(SLTT(), 16) / peak_saved(SLTT(), 4) <= 1.3
    assert peak_saved(SLTT(steps=2), 16) / peak_saved(SLTT(steps=2), 4) <= 1.3
    assert peak_saved(Broadcast(), 16) / peak_saved(Broadcast(), 4) <= 1.3
    assert peak_saved(BPTT(), 16) / peak_saved(BPTT(), 4) > 3


def test_sltt_is_bptt_where_there_is_no_past():
    torch.manual_seed(1)
    x, target = torch.rand(1, 8, INPUTS), torch.randint(0, CLASSES, (8,))
    gradients = []
    for rule in (BPTT(), SLTT()):
        model = network()
        rule.backward(model, x, target, nn.functional.cross_entropy)
        gradients.append([p.grad for p in model.parameters()])
    assert all(torch.allclose(a, b) for a, b in zip(*gradients, strict=True))


def test_exits_stop_at_the_first_sure_step():
    outputs = torch.tensor([[[1.0, 0], [0, 0.2]], [[1, 0], [2, 0]], [[1, 0], [2, 0]]])
    labels = torch.tensor([0, 0])
    assert running_mean(outputs)[1, 1].tolist() == pytest.approx([1.0, 0.1])
    found = exits(outputs, labels, gap, 0.5)
    assert found.steps.tolist() == [1, 2]
    assert (found.accuracy, found.full_accuracy, found.mean_steps) == (1.0, 1.0, 1.5)
    hasty = exits(outputs, labels, gap, 0.1)
    assert hasty.steps.tolist() == [1, 1]
    assert hasty.accuracy == 0.5
    assert choose_threshold(outputs, labels, gap, 0.0) > 0.2
    never = exits(outputs, labels, Confidence(), 1.1)
    assert never.steps.tolist() == [3, 3]


def test_early_exit_keeps_accuracy_on_data_that_did_not_choose_it():
    config = TrainingConfig(epochs=8, learning_rate=1e-2)
    trainer = Trainer(config, Anytime(0.2), quiet=True)
    data, model = patterns(400, 1), network()
    trainer.fit(model, data)
    outputs, labels = trainer.outputs(model, trainer.split(data)[1])
    test_outputs, test_labels = trainer.outputs(model, patterns(600, 7))
    for measure in (gap, calibrated(outputs, labels)):
        threshold = choose_threshold(outputs, labels, measure)
        found = exits(test_outputs, test_labels, measure, threshold)
        assert found.mean_steps < 0.9 * STEPS
        assert found.accuracy > found.full_accuracy - 0.05


def test_hoyer_threshold_is_the_extremum():
    neuron = HoyerSpike()
    x = torch.tensor([[0.2, 0.6, 1.5, -1.0]], requires_grad=True)
    spikes = neuron(x)
    # c = 0.2, 0.6, 1, 0: squares 1.4 over sum 1.8.
    assert spikes.tolist() == [[0, 0, 1, 0]]
    assert float(neuron.penalty.detach()) == pytest.approx(1.8**2 / 1.4 / 4, rel=1e-5)
    assert float(neuron.level) == pytest.approx(1 + 0.1 * (1.4 / 1.8 - 1), rel=1e-5)
    spikes.sum().backward()
    assert x.grad.tolist() == [[1, 1, 1, 0]]


def test_three_factors_move_weights_as_they_say():
    layer = nn.Linear(2, 1, bias=False)
    nn.init.zeros_(layer.weight)
    rule = ThreeFactor(layer, rate=0.5, tau=DT, dt=DT)
    rule.observe(torch.tensor([[1.0, 0.0]]), torch.ones(1, 1))
    rule.observe(torch.tensor([[0.0, 1.0]]), torch.ones(1, 1))
    rule.apply(2.0)
    fade = float(torch.exp(torch.tensor(-1.0)))
    assert layer.weight.tolist()[0] == pytest.approx([fade, 1.0])
    rule.reset()
    rule.apply(1.0)
    assert layer.weight.tolist()[0] == pytest.approx([fade, 1.0])


def test_three_factors_train_a_head_from_nothing():
    torch.manual_seed(0)
    data = patterns(400, 3)
    head = nn.Linear(INPUTS, CLASSES, bias=False)
    nn.init.zeros_(head.weight)
    for x, label in data:
        rule = ThreeFactor(head, rate=0.1, tau=4e-3, dt=DT)
        for one in x:
            # Post factor: target less output; third factor: 1, a teacher's yes.
            miss = nn.functional.one_hot(label, CLASSES) - torch.softmax(head(one), 0)
            rule.observe(one[None], miss.detach()[None])
        rule.apply(1.0)
    assert accuracy(head) > 0.8


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_a_line_of_the_configuration(rule):
    values = {"epochs": 4, "learning_rate": 1e-2, "rule": rule, "rule_steps": 4}
    config = build_config(TrainingConfig, values)
    model = network(HoyerSpike() if rule == "hoyer" else None)
    done = Trainer(config, quiet=True).fit(model, patterns(200, 1))
    losses = [figures["validation_loss"] for figures in done.history]
    assert losses[-1] < losses[0]
    assert min(figures["validation_accuracy"] for figures in done.history[-1:]) > 0.5


@pytest.mark.parametrize("rule", ["bptt", "hoyer", "anytime"])
def test_normalisation_sees_all_steps_where_layers_take_turns(rule):
    seen = []
    for whole in (False, True):
        norm = nn.BatchNorm1d(INPUTS)
        norm.register_forward_hook(lambda _m, x, _y: seen.append(len(x[0])))
        model = nn.Sequential(norm, *network(HoyerSpike() if rule == "hoyer" else None))
        trainer = Trainer(TrainingConfig(rule=rule, layer_by_layer=whole), quiet=True)
        trainer.rule.backward(
            model, torch.rand(3, 4, INPUTS), torch.zeros(4, dtype=torch.int64), trainer.loss
        )
        assert all(p.grad is not None for p in model.parameters())
    assert seen == [4, 4, 4, 12]


def test_a_wrong_rule_is_named():
    with pytest.raises(ParameterError, match=r"rule.*three_factor"):
        build_config(TrainingConfig, {"rule": "backprop"})


def test_a_compiled_training_is_the_plain_one():
    torch.manual_seed(0)
    x, target = torch.rand(2, 4, INPUTS), torch.randint(0, CLASSES, (4,))
    gradients = []
    for compiled in (False, True):
        model = network()
        trainer = Trainer(TrainingConfig(compile=compiled), quiet=True)
        trainer.rule.backward(model, x, target, trainer.loss)
        gradients.append([p.grad for p in model.parameters()])
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*gradients, strict=True))
    assert any(g.abs().max() > 1e-3 for g in gradients[0])


def test_the_strain_is_that_of_angles_to_the_mean():
    # Two steps at right angles, as long as one another: each is 45 degrees from their mean.
    steps = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]], requires_grad=True)
    strain = cosine_strain(steps)
    assert float(strain.detach()) == pytest.approx(2**0.5 - 1, rel=1e-4)
    strain.backward()
    # Downhill, each turns towards the mean.
    assert steps.grad[0, 0, 1] < 0 and steps.grad[1, 0, 0] < 0
    assert float(cosine_strain(torch.ones(5, 2, 3))) == pytest.approx(0.0, abs=1e-4)


def test_three_factors_are_the_gradient_where_nothing_is_broadcast():
    """One layer of leaky read-outs: pre x post x error is what BPTT gives for the same loss."""
    torch.manual_seed(0)
    x, target = torch.rand(6, 5, INPUTS), torch.randint(0, CLASSES, (5,))
    readout = snn.LeakyIntegrator(4e-3, DT)
    model = nn.Sequential(nn.Linear(INPUTS, CLASSES, bias=False), readout)
    loss = nn.functional.cross_entropy
    value = Broadcast().backward(model, x, target, loss)
    got = model[0].weight.grad.clone()
    model[0].weight.grad = None
    true = torch.stack([loss(y, target) for y in snn.run(model, x)]).mean()
    true.backward()
    assert value == pytest.approx(float(true.detach()), rel=1e-5)
    assert torch.allclose(got, model[0].weight.grad, atol=1e-6)


def test_three_factors_broadcast_through_pictures_and_name_what_they_cannot_take():
    torch.manual_seed(0)
    lif = {"tau": 4e-3, "dt": DT, "unit_input": True}
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3), snn.LIF(**lif, threshold=0.3), nn.Flatten(), nn.Linear(48, CLASSES)
    )
    x, target = torch.rand(4, 2, 1, 6, 6), torch.zeros(2, dtype=torch.int64)
    Broadcast().backward(model, x, target, nn.functional.cross_entropy)
    assert all(p.grad.abs().max() > 0 for p in model.parameters())
    for wrong, message in (
        (nn.Linear(3, 3), "nn.Sequential"),
        (nn.Sequential(snn.IF(DT)), "layer '0' has no synapse"),
        (nn.Sequential(nn.Linear(6, 2), snn.LIF(torch.rand(2) + 1, DT)), "one time constant"),
    ):
        with pytest.raises(ValueError, match=message):
            Broadcast().backward(wrong, x[..., 0, 0, :], target, nn.functional.cross_entropy)
