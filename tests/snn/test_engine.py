"""The event-driven engine against the torch module: exact where sums are, else but for ties."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from torch import nn

from spikeloop import snn
from spikeloop.snn.engine import event_driven, vectors
from spikeloop.snn.engine.event_driven import EventEngine, sum_bits
from spikeloop.snn.engine.plan import NotEventDrivenError, plan
from spikeloop.snn.engine.quantisation import quantised, rounded
from spikeloop.snn.interchange.nir_file import read_nir
from spikeloop.snn.layers.membrane_norm import MembraneNormLIF
from spikeloop.snn.layers.residual import SEW, sew_block
from spikeloop.snn.neurons.integrate import Integrator

DT = 1e-3
FILES = Path(__file__).parents[1] / "data" / "nir"


def lif(**kwargs):
    return snn.LIF(**({"tau": 9e-3, "dt": DT, "unit_input": True} | kwargs))


def spikes(shape, steps, rate, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(steps, 1, *shape, generator=generator) < rate).float()


def quantise(model):
    """Weights of few bits, so that no sum is rounded, in whatever order."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.round(parameter * 64) / 64)
    return model


def assert_same(model, shape, x, form="event"):
    model.eval()
    snn.reset(model)
    compiled = snn.compile(model, shape, form=form)
    with torch.no_grad():
        expected = snn.run(model, x)
    got = compiled.run(x)
    assert torch.equal(got, expected)
    return expected, compiled


@settings(max_examples=40)
@given(
    channels=st.integers(1, 5),
    outputs=st.sampled_from([1, 3, 16, 70]),
    kernel=st.sampled_from([(1, 1), (3, 3), (5, 3), (2, 4)]),
    stride=st.sampled_from([(1, 1), (2, 2), (3, 1)]),
    padding=st.integers(0, 2),
    size=st.tuples(st.integers(5, 20), st.sampled_from([5, 16, 63, 64, 70])),
    reset=st.sampled_from(["hard", "soft", "none"]),
    rate=st.sampled_from([0.0, 0.01, 0.2, 1.0]),
    bias=st.booleans(),
    seed=st.integers(0, 999),
)
def test_any_convolution_is_exact(
    channels, outputs, kernel, stride, padding, size, reset, rate, bias, seed
):
    torch.manual_seed(seed)
    conv = nn.Conv2d(channels, outputs, kernel, stride, padding, bias=bias)
    neuron = snn.IF(DT, unit_input=True, reset=reset, threshold=0.5)
    model = quantise(nn.Sequential(conv, neuron))
    assert_same(model, (channels, *size), spikes((channels, *size), 6, rate, seed))


@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("bias", [0.0, 0.02, 0.3])
def test_leaky_neurons_differ_at_ties_only(reset, bias):
    torch.manual_seed(1)
    conv = nn.Conv2d(2, 16, 3, 2, 1)
    nn.init.constant_(conv.bias, bias)
    model = nn.Sequential(conv, lif(reset=reset, threshold=0.7)).eval()
    exact = nn.Sequential(conv, lif(reset=reset, threshold=0.7)).eval()
    double = nn.Conv2d(2, 16, 3, 2, 1).double()
    double.load_state_dict(conv.state_dict())
    engine = EventEngine(plan(model, (2, 20, 30)), (2, 20, 30))
    fired = 0
    with torch.no_grad():
        for one in spikes((2, 20, 30), 300, 0.02):
            got = engine.step(one)
            before = exact[1].state
            v = torch.zeros(1, 16, 10, 15, dtype=torch.float64) if before is None else before[0]
            charged = v * float(np.exp(-1 / 9)) + double(one.double())
            expected = (charged >= 0.7).double()
            unequal = got != expected
            assert bool(((charged - 0.7).abs()[unequal] < 1e-5).all())
            after = charged * (1 - expected) if reset == "hard" else charged - 0.7 * expected
            exact[1].state = (after,)
            fired += int(expected.sum())
            if bool(unequal.any()):
                engine._running[0].stage.neuron.state = (after.float(),)
                engine.read_states()
    engine.write_states()
    states = engine._running[0].stage.neuron.state[0]
    assert torch.allclose(states.double(), exact[1].state[0], atol=2e-5)
    assert fired > 20


def deep():
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, 2, 1, bias=False),
        snn.IF(DT, unit_input=True, threshold=0.4),
        nn.AvgPool2d(2, divisor_override=1),
        nn.Conv2d(8, 12, 3, padding=1),
        snn.IF(DT, unit_input=True, reset="soft", threshold=0.6),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(12 * 2 * 4, 100),
        snn.IF(DT, unit_input=True, threshold=0.3),
        nn.Sequential(nn.Dropout(0.5), nn.Linear(100, 7)),
        Integrator(DT, unit_input=True),
    )


def test_pooling_flattening_and_a_readout():
    expected, compiled = assert_same(quantise(deep()), (2, 16, 32), spikes((2, 16, 32), 30, 0.2))
    assert expected.shape == (30, 1, 7)
    assert len(expected.unique()) > 20
    compiled.reset()
    again = compiled.run(spikes((2, 16, 32), 30, 0.2))
    assert torch.equal(again, expected)


def test_batch_norm_is_folded():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), lif(threshold=0.5))
    for x in spikes((2, 12, 12), 20, 0.3):
        model(x)
    model.eval()
    x = spikes((2, 12, 12), 40, 0.3, seed=5)
    expected = snn.run(model, x) if snn.reset(model) is None else None
    got = snn.compile(model, (2, 12, 12), form="event").run(x)
    assert float((got != expected).float().mean()) < 1e-3
    assert 0.02 < float(expected.detach().mean()) < 0.8


def test_normalised_membranes_are_folded_into_the_threshold():
    torch.manual_seed(0)
    neuron = MembraneNormLIF(6, 9e-3, DT, unit_input=True, threshold=0.8)
    model = nn.Sequential(nn.Conv2d(2, 6, 3), neuron)
    with pytest.raises(NotEventDrivenError, match="'1' isn't in evaluation mode"):
        plan(model, (2, 12, 12))
    with torch.no_grad():
        for x in spikes((2, 12, 12), 40, 0.3):
            model(x)
        neuron.norm.bias.uniform_(-0.2, 0.2)
        model.eval()
        snn.reset(model)
        x = spikes((2, 12, 12), 60, 0.3, seed=5)
        expected = snn.run(model, x)
        got = snn.compile(model, (2, 12, 12), form="event").run(x)
        assert float((got != expected).float().mean()) < 1e-3
        assert 0.02 < float(expected.mean()) < 0.8
        neuron.norm.weight[2] = -1
    with pytest.raises(NotEventDrivenError, match=r"gamma of channels \[2\]"):
        plan(model, (2, 12, 12))


def residual_network():
    torch.manual_seed(0)

    def neuron():
        return snn.IF(DT, unit_input=True, threshold=0.5)

    layers = [nn.Conv2d(2, 16, 3, 2, 1), neuron()]
    layers += [sew_block(16, neuron) for _ in range(3)]
    layers += [nn.Flatten(), nn.Linear(16 * 6 * 8, 4), neuron()]
    return nn.Sequential(*layers).eval()


def test_residual_blocks_add_their_spikes():
    model = residual_network()
    # Normalisation of an untrained block keeps the few bits, but for its epsilon.
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 0.0
    quantise(model)
    expected, compiled = assert_same(model, (2, 12, 16), spikes((2, 12, 16), 20, 0.1))
    assert expected.any()
    # Before the second block, spikes add up to 2 and more; the first pass counts them twice.
    assert compiled.form == "event"


def test_a_residual_block_at_the_start_takes_counts():
    block = quantise(SEW(nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), snn.IF(DT, unit_input=True))))
    x = torch.randint(0, 4, (10, 1, 3, 6, 7)).float()
    expected, _ = assert_same(nn.Sequential(block), (3, 6, 7), x)
    assert expected.max() >= 3


def test_silence_of_any_length_is_made_up_for():
    torch.manual_seed(0)
    conv = nn.Conv2d(1, 4, 3, padding=1)
    nn.init.constant_(conv.bias, 0.01)
    model = nn.Sequential(conv, lif(tau=0.5, threshold=20.0)).eval()
    first, last = spikes((1, 5, 70), 2, 0.5)
    for silent in (0, 1, 126, 127, 128, 400):
        snn.reset(model)
        compiled = snn.compile(model, (1, 5, 70), form="event")
        x = torch.cat([first[None], torch.zeros(silent, *first.shape), last[None]])
        compiled.run(x)
        with torch.no_grad():
            snn.run(model, x)
        compiled._engine.write_states()
        assert torch.allclose(compiled._dense[1].state[0], model[1].state[0], atol=1e-5)


def test_the_count_of_steps_begins_anew_before_it_overflows(monkeypatch):
    torch.manual_seed(0)
    conv = nn.Conv2d(1, 4, 3, padding=1)
    model = nn.Sequential(conv, lif(tau=0.05, threshold=0.9)).eval()
    x = spikes((1, 5, 70), 120, 0.01)
    plain, counted = (snn.compile(model, (1, 5, 70), form="event") for _ in range(2))
    expected = plain.run(x)
    monkeypatch.setattr(event_driven, "LONGEST", 45)
    assert torch.equal(counted.run(x), expected)
    assert counted._engine._now == 120 - 2 * 45
    assert expected.any()


def test_neurons_above_their_threshold_fire_again_without_input():
    conv = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.constant_(conv.weight, 3.5)
    model = nn.Sequential(conv, snn.IF(DT, unit_input=True, reset="soft"))
    x = torch.zeros(5, 1, 1, 2, 2)
    x[0, 0, 0, 1, 1] = 1
    expected, compiled = assert_same(model, (1, 2, 2), x)
    assert expected[:, 0, 0, 1, 1].tolist() == [1, 1, 1, 0, 0]
    assert compiled._engine.touched == [0]


def test_cost_falls_with_activity():
    model = nn.Sequential(nn.Conv2d(2, 16, 3, 2, 1, bias=False), lif())
    compiled = snn.compile(model, (2, 60, 80), form="event")
    touched = []
    for rate in (0.0, 0.01, 0.1, 1.0):
        compiled.reset()
        compiled.run(spikes((2, 60, 80), 3, rate))
        touched += compiled._engine.touched
    assert touched[0] == 0
    assert touched == sorted(touched)
    assert touched[1] < 30 * 40 / 5
    assert touched[3] == 30 * 40


def test_files_of_other_simulators_run_in_the_engine():
    network = read_nir(FILES / "lif_norse.nir", dt=1e-4)
    compiled = snn.compile(network, (1,), form="event")
    x = np.loadtxt(FILES / "lif_norse.csv", delimiter=",")[:, 0]
    fired = compiled.run(torch.tensor(x, dtype=torch.float32).view(-1, 1, 1))
    assert np.flatnonzero(fired).tolist() == [460, 510, 710, 760]
    network = read_nir(FILES / "cnn_sinabs.nir", dt=1.0, resets="soft")
    x = spikes((2, 34, 34), 60, 0.1)
    with torch.no_grad():
        expected = snn.run(network, x)
    got = snn.compile(network, (2, 34, 34), form="event").run(x)
    assert torch.equal(got, expected)
    assert expected.any()
    recurrent = read_nir(FILES / "braille_noDelay_noBias_subtract.nir", 1e-4, "soft")
    compiled = snn.compile(recurrent, (12,))
    assert compiled.form == "dense"
    assert "branches or cycles" in compiled.reason
    x = spikes((12,), 60, 0.3)
    with torch.no_grad():
        assert torch.equal(compiled.run(x), snn.run(recurrent, x))


def test_it_switches_by_activity_and_takes_the_states_along():
    model = quantise(deep()).eval()
    rates = [0.02] * 20 + [0.6] * 60 + [0.02] * 100
    x = torch.cat([spikes((2, 16, 32), 1, rate, n) for n, rate in enumerate(rates)])
    compiled = snn.compile(model, (2, 16, 32), limit=0.2)
    forms, outputs = [], []
    for one in x:
        outputs.append(compiled(one))
        forms.append(compiled.form)
    with torch.no_grad():
        expected = snn.run(model, x)
    assert torch.allclose(torch.stack(outputs), expected, atol=1e-5)
    assert forms[10] == "event"
    assert forms[60] == "dense"
    assert forms[-1] == "event"
    compiled.measure(x[:30], repeats=1)
    assert 0 <= compiled.limit <= 1
    assert compiled.form == "event"


def test_real_values_run_dense_and_are_refused_by_the_events():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), lif())
    x = torch.rand(1, 1, 6, 6)
    engine = snn.compile(model, (1, 6, 6), form="event")
    with pytest.raises(ValueError, match="whole numbers from 0 to 8"):
        engine(x)
    with pytest.raises(ValueError, match=r"shape \(1, 1, 6, 6\), not .*\(2, 1, 6, 6\)"):
        engine(torch.zeros(2, 1, 6, 6))
    assert snn.compile(model, (1, 6, 6), form="dense")(x).shape == (1, 2, 4, 4)


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ([nn.Conv2d(2, 4, 3, groups=2), lif()], "groups"),
        ([nn.Conv2d(2, 4, 3), nn.GELU()], "GELU"),
        ([nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 3), lif()], "has no neurons before"),
        ([nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), lif()], "evaluation mode"),
        ([nn.Linear(8, 4), lif()], "needs a Flatten"),
        ([lif()], "no synapse before"),
        ([nn.Conv2d(3, 4, 3), lif()], "takes 3 channels, not 2"),
        ([nn.Conv2d(2, 4, 3), lif(), nn.AvgPool2d(4, 1)], "overlapping"),
        ([nn.Conv2d(2, 4, 3), lif(tau=torch.rand(4, 6, 6) + 0.01)], "differ within a channel"),
        ([SEW(nn.Identity(), "iand")], "isn't the sum"),
    ],
)
def test_what_has_no_event_driven_form_is_named(layers, reason):
    with pytest.raises(NotEventDrivenError, match=reason):
        plan(nn.Sequential(*layers), (2, 8, 8))
    with pytest.raises(ValueError, match="did you mean 'event'"):
        snn.compile(nn.Sequential(*layers), (2, 8, 8), form="evnt")


def test_the_set_bits_are_emitted():
    emit = vectors.emit

    @njit
    def run(keys, fired):
        return emit(4, keys, 2, 100, fired)

    for lanes in ([], [0], [63], [0, 15, 16, 17, 40, 63], list(range(64))):
        keys = np.zeros(96, np.int32)
        fired = np.uint64(sum(1 << n for n in lanes))
        assert run(keys, fired) == 2 + len(lanes)
        assert keys[2 : 2 + len(lanes)].tolist() == [100 + n for n in lanes]
        assert keys[:2].tolist() == [0, 0]


def several():
    torch.manual_seed(5)
    model = nn.Sequential(
        nn.Conv2d(2, 16, 3, 2, 1),
        nn.BatchNorm2d(16),
        lif(threshold=0.5),
        nn.Conv2d(16, 70, 3, padding=1, bias=False),
        lif(threshold=0.25, reset="soft"),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(70 * 5 * 8, 9),
        lif(threshold=0.03),
    )
    model[1].running_mean.uniform_(-0.2, 0.2)
    model[1].running_var.uniform_(0.2, 0.9)
    with torch.no_grad():
        # A negative factor turns a channel's weights round.
        model[1].weight.uniform_(-1, 1)
    return model.eval()


def test_weights_of_8_bits_are_the_nearest_with_one_scale_a_channel():
    weight = torch.tensor([[1.0, -0.5, 0.003], [0.0, 0.0, 0.0], [-254.0, 2.0, 127.9]])
    whole, scale = rounded(weight)
    assert whole.tolist() == [[127, -64, 0], [0, 0, 0], [-127, 1, 64]]
    assert scale.tolist() == pytest.approx([1 / 127, 1.0, 2.0])
    again, same = rounded(whole * scale.view(-1, 1))
    assert torch.equal(again, whole)
    assert torch.allclose(same, scale)
    torch.manual_seed(0)
    weight = torch.randn(5, 3, 3, 3)
    conv = nn.Conv2d(3, 5, 3)
    conv.weight.data[:] = weight
    factors = rounded(weight)[1].float()
    theirs = torch.fake_quantize_per_channel_affine(
        weight, factors, torch.zeros(5, dtype=torch.int32), 0, -127, 127
    )
    assert torch.allclose(quantised(conv).weight, theirs, atol=1e-7)


def test_residual_blocks_count_spikes_in_8_bits_too():
    model = residual_network()
    # Sums of few inputs surely fit into 16 bits, those of the linear layer may not.
    compiled = snn.compile(model, (2, 12, 16), form="event", weights="int8")
    x = spikes((2, 12, 16), 40, 0.1)
    with torch.no_grad():
        expected = snn.run(quantised(model), x)
    got = compiled.run(x)
    assert expected.any()
    assert float((got != expected).float().mean()) < 0.01
    bits = [running.bits for running in compiled._engine._running]
    assert bits[0] == 16
    assert bits[-1] == 32


def test_weights_of_8_bits_are_torchs_with_the_same_weights():
    model, shape = several(), (2, 20, 32)
    reference = quantised(model)
    compiled = snn.compile(model, shape, form="event", weights="int8")
    assert all(s.stage.weight.dtype == np.int8 for s in compiled._engine._running)
    x = spikes(shape, 120, 0.15)
    unequal = fired = 0
    with torch.no_grad():
        for one in x:
            # Teacher forcing, so that one tie can't change what follows.
            expected, got = reference(one), compiled(one)
            fired += int(expected.sum())
            unequal += int((expected != got).sum())
            snn.load_state(compiled._dense, snn.state_of(reference))
            compiled._engine.read_states()
    assert fired > 30
    assert unequal <= 1
    compiled.reset()
    with torch.no_grad():
        assert not torch.equal(snn.run(model, x), compiled.run(x))


def test_sums_of_8_bit_weights_are_exact():
    torch.manual_seed(0)
    # All scales are powers of two, so that torch's sums have no rounding either.
    conv = nn.Conv2d(3, 20, 3, padding=1, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.randint(-127, 128, conv.weight.shape) / 64)
        conv.weight[:, 0, 0, 0] = 127 / 64
    model = nn.Sequential(conv, snn.IF(DT, unit_input=True, reset="soft", threshold=3.0)).eval()
    x = spikes((3, 9, 70), 40, 0.5)
    with torch.no_grad():
        expected = snn.run(model, x)
    compiled = snn.compile(model, (3, 9, 70), form="event", weights="int8")
    assert torch.equal(compiled.run(x), expected)
    assert compiled._engine._running[0].bits == 16
    model[0].weight.data[:] = 127 / 64 * torch.sign(model[0].weight.data)
    wide = snn.compile(nn.Sequential(nn.Conv2d(32, 4, 3), lif()), (32, 8, 8), weights="int8")
    wide._engine._running[0].stage.weight[:] = 127
    assert sum_bits(wide._engine._running[0].stage, 1) == 32


def test_weights_of_8_bits_run_dense_too_and_other_kinds_are_refused():
    model, shape = several(), (2, 20, 32)
    x = spikes(shape, 20, 0.3)
    dense = snn.compile(model, shape, form="dense", weights="int8")
    with torch.no_grad():
        assert torch.equal(dense.run(x), snn.run(quantised(model), x))
    with pytest.raises(ValueError, match="did you mean 'int8'"):
        snn.compile(model, shape, weights="int9")


def test_a_processor_with_sse2_alone_gives_the_same_spikes(tmp_path):
    """That is the least that x86-64 has, and as wide as NEON."""
    script = Path(__file__).with_name("engine_spikes.py")
    environment = os.environ | {
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    there = subprocess.run(
        [sys.executable, str(script)], check=True, capture_output=True, text=True, timeout=300,
        env=environment,
    )  # fmt: skip
    kind, *spikes_there = there.stdout.splitlines()
    assert kind == "portable"
    assert spikes_there == list(runpy.run_path(str(script))["digests"]())
