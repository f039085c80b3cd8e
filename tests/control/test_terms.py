"""Networks made for given gains: known answers, the PID's output, no windup, damage, files."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeloop.control.pid.axes import ALTITUDES, AXES, axis_of, fly_axis, own_gains
from spikeloop.control.pid.config import PidConfig
from spikeloop.control.pid.pid import Pid
from spikeloop.control.spiking_pid.ablation import quantised_terms, without_integral
from spikeloop.control.spiking_pid.axis_evaluation import faulty
from spikeloop.control.spiking_pid.controllers import load_controller
from spikeloop.control.spiking_pid.network import SpikingPid
from spikeloop.control.spiking_pid.storage import (
    BadWeightsError,
    load_any,
    load_weights,
    save_terms,
)
from spikeloop.control.spiking_pid.terms import (
    SpikingTerms,
    TermWeights,
    arrays_of,
    construct,
    stretches,
)
from spikeloop.nodes.tour_pid import TourPidConfig

GAINS = PidConfig(kp=1.0, ki=0.1, kd=1.0, derivative_filter=0.4)
SOME = st.builds(
    PidConfig,
    kp=st.floats(0.1, 5.0),
    ki=st.floats(0.0, 0.5),
    kd=st.floats(0.0, 5.0),
    derivative_filter=st.floats(0.1, 1.0),
)


def _made(reach: float = 2.0, **gains: float) -> SpikingTerms:
    return SpikingTerms(construct(replace(GAINS, **gains), reach))


def _one_pair(**gains: float) -> SpikingTerms:
    """One pair for errors up to 1, one tick a decision: all can be followed by hand."""
    return SpikingTerms(construct(replace(GAINS, **gains), 1.0, pairs=1, ticks=1))


def test_spikes_of_one_pair_by_hand() -> None:
    network = _one_pair(ki=0.0, kd=0.0)
    # Membrane 0.375, 0.75 fires and leaves -0.25, 0.125, 0.5 fires and leaves -0.5, -0.125, 0.25.
    assert [network.update(0.375) for _ in range(6)] == pytest.approx([0, 1, 0, 1, 0, 0])
    network.reset()
    assert [network.update(-0.375) for _ in range(5)] == pytest.approx([0, -1, 0, -1, 0])


def test_integral_of_one_pair_by_hand() -> None:
    network = _one_pair(kp=0.0, kd=0.0)
    for _ in range(7):
        network.update(0.375)
    # 3 spikes of 0.1 / s in 0.1 s each.
    assert network.outputs[2] == pytest.approx(3 * 0.1 * 0.1)


def test_stretches_fill_the_reach() -> None:
    widths = stretches(2.0, 0.02, 24)
    assert widths.sum() == pytest.approx(2.0) and widths[0] == pytest.approx(0.02)
    assert np.ptp(widths[1:] / widths[:-1]) < 1e-9
    assert stretches(0.1, 0.5, 10) == pytest.approx(np.full(10, 0.01))


@settings(max_examples=20)
@given(SOME, st.integers(0, 1000))
def test_parts_are_those_of_the_pid(gains: PidConfig, seed: int) -> None:
    """Over a random, smooth error the three parts follow the PID's, whatever the gains."""
    random = np.random.default_rng(seed)
    shape = random.uniform(-0.4, 0.4, 3)
    times = 0.1 * np.arange(300)
    errors = sum(a * np.sin((0.2 + 0.3 * k) * times) for k, a in enumerate(shape))
    wide = replace(gains, output_low=-100.0, output_high=100.0)
    network, pid = SpikingTerms(construct(wide, 2.0, finest=1e-4), -100.0, 100.0), Pid(wide)
    parts = []
    for error in np.asarray(errors).tolist():
        network.update(error)
        pid.update(0.0, -error, 0.1)
        p, d, i = network.outputs
        parts.append((p + d - pid.direct, i - pid.integral))
    differences = np.abs(np.array(parts)[10:])
    # The less the derivative is filtered, the more of single spikes is left in it.
    of_rate = 0.004 * gains.kd / gains.derivative_filter
    assert differences[:, 0].mean() < 0.03 * gains.kp + of_rate + 1e-3
    assert differences[:, 1].max() < 0.03 * gains.ki * 0.4 * 30.0 + 1e-3


@settings(max_examples=20)
@given(SOME, st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_within_its_limits_and_odd(gains: PidConfig, errors: list[float]) -> None:
    one, other = (SpikingTerms(construct(gains, 2.0), -0.7, 0.7) for _ in range(2))
    commands = [one.update(error) for error in errors]
    assert all(-0.7 <= command <= 0.7 for command in commands)
    assert commands == [-other.update(-error) for error in errors]


def test_a_jump_of_the_setpoint_is_no_motion() -> None:
    told, untold = _made(kp=0.1, ki=0.0), _made(kp=0.1, ki=0.0)
    for _ in range(30):
        told.update(0.0)
        untold.update(0.0)
    assert told.update(0.5, jump=0.5) == pytest.approx(0.05, abs=0.1)
    assert untold.update(0.5) > 0.5


def test_nothing_winds_up() -> None:
    network, pid = _made(ki=0.2), Pid(replace(GAINS, ki=0.2))
    for controller in (network.update, lambda e: pid.update(0.0, -e, 0.1)):
        for _ in range(600):
            assert controller(1.5) == 1.0
    # A minute beyond the limit leaves one decision's worth, and it lets go at once.
    assert network.outputs[2] <= pid.integral + 0.2 * 1.5 * 0.1 + 0.01
    assert network.update(-0.2) < 0.0


def test_a_bad_error_is_refused_and_changes_nothing() -> None:
    one, other = _made(), _made()
    for network in (one, other):
        network.update(0.5)
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match="error is"):
            one.update(bad)
        with pytest.raises(ValueError, match="jump is"):
            one.update(0.1, bad)
    assert [one.update(0.3) for _ in range(9)] == [other.update(0.3) for _ in range(9)]


def test_cost_is_that_of_the_spikes() -> None:
    network = _one_pair(ki=0.0, kd=0.0)
    network.update(0.375)
    assert (network.cost.spikes, network.cost.macs) == (0, 4)
    network.update(0.375)
    # Its spike reaches P, I and the interneuron twice; that makes the derivative fire as well.
    encoding, derivative = network.spikes[:2].sum(), network.spikes[2:].sum()
    assert network.cost.synaptic_operations == 4 * encoding + derivative


def test_what_is_taken_out_is_gone() -> None:
    weights = construct(GAINS, 2.0)
    without = SpikingTerms(without_integral(weights))
    for _ in range(50):
        without.update(0.4)
    assert without.outputs[2] == 0.0 and without.outputs[0] > 0.2
    rough = quantised_terms(weights).encoding[3]
    steps = rough / (weights.encoding[3].max() / 127)
    assert steps == pytest.approx(np.round(steps))
    dead = SpikingTerms(weights)
    dead.alive[:] = 0.0
    assert dead.update(1.0) == 0.0 and not dead.spikes.any()


def test_impossible_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="reach must be above 0"):
        construct(GAINS, 0.0)
    with pytest.raises(ValueError, match="finest must be above 0"):
        construct(GAINS, 1.0, finest=0.0)
    with pytest.raises(ValueError, match="at least 1"):
        construct(GAINS, 1.0, pairs=0)
    good = construct(GAINS, 1.0)
    with pytest.raises(ValueError, match="encoding must be"):
        replace(good, encoding=good.encoding[:4])
    with pytest.raises(ValueError, match="slow must be"):
        replace(good, slow=np.array([1.0]))


def test_files_of_both_kinds_are_told_apart(tmp_path: Path) -> None:
    weights = construct(GAINS, 2.0)
    path = tmp_path / "mine.npz"
    save_terms(path, weights)
    read = load_any(str(path))
    assert isinstance(read, TermWeights) and (read.encoding == weights.encoding).all()
    assert isinstance(load_controller(str(path)), SpikingTerms)
    assert isinstance(load_controller("spiking_pid_blimp"), SpikingPid)
    assert load_controller(str(path), without="i_network").update(0.1) != 0.0
    with pytest.raises(BadWeightsError, match="made for given gains, not evolved"):
        load_weights(str(path))
    with pytest.raises(BadWeightsError, match="no threshold adaptation"):
        load_controller(str(path), without="threshold_adaptation")


def _same(name: str, made: TermWeights) -> None:
    shipped = load_any(name)
    assert isinstance(shipped, TermWeights)
    for field, array in arrays_of(made).items():
        assert arrays_of(shipped)[field] == pytest.approx(array, rel=1e-12)


@pytest.mark.parametrize("plant", [name for name in AXES if name not in ALTITUDES])
def test_the_shipped_networks_are_those_of_the_tuned_gains(plant: str) -> None:
    _same(
        f"spiking_pid_{plant}",
        construct(own_gains(plant), AXES[plant].reach, finest=AXES[plant].finest),
    )


def test_the_tours_networks_are_those_of_its_pids() -> None:
    usual = TourPidConfig()
    for name, plant, four in (
        ("forward", "blimp_forward", usual.forward),
        ("turn", "blimp_heading", usual.turn),
    ):
        kp, ki, kd, smooth = four
        gains = PidConfig(kp=kp, ki=ki, kd=kd, derivative_filter=smooth)
        _same(f"spiking_pid_tour_{name}", construct(gains, AXES[plant].reach))
    assert PidConfig(*usual.up[:3], derivative_filter=usual.up[3]) == PidConfig()  # type: ignore[misc]


def test_an_unknown_plant_is_named() -> None:
    with pytest.raises(ValueError, match="unknown plant 'quadrotor_rol'"):
        axis_of("quadrotor_rol")


def test_a_quadrotor_rolls_as_under_the_pid() -> None:
    axis = AXES["quadrotor_roll"]
    gains = PidConfig(kp=1.2, ki=1.5, kd=0.2, derivative_filter=0.02, period=0.01)
    environment = gymnasium.make(axis.environment)
    pid, network = Pid(gains), SpikingTerms(construct(gains, axis.reach))
    before = [0.0]

    def spiking(setpoint: float, seen: float) -> float:
        jump = setpoint - before[0]
        before[0] = setpoint
        return network.update(setpoint - seen, jump)

    one = fly_axis(axis, environment, lambda s, m: pid.update(s, m, 0.01), 5)
    other = fly_axis(axis, environment, spiking, 5)
    assert np.abs(one.setpoint_m - one.altitude_m)[-100:].mean() < 0.03
    assert np.abs(one.altitude_m - other.altitude_m).mean() < 0.01
    environment.close()


def test_faults_are_what_they_say() -> None:
    axis = AXES["blimp_heading"]

    def flown(fault: str) -> tuple[np.ndarray, list[float]]:
        seen: list[float] = []
        decide = faulty(lambda s, m: seen.append(m) or 0.8, axis, fault)  # type: ignore[func-returns-value]
        return np.array([decide(1.0, float(t)) for t in range(1000)]), seen

    assert (flown("usual")[0] == 0.8).all() and (flown("half")[0] == 0.5).all()
    stuck, seen = flown("stuck")
    assert (stuck == 0.0).nonzero()[0].tolist() == list(range(600, 660)) and len(seen) == 1000
    gone, seen = flown("gone")
    # Half a second the last command, then the safe one.
    assert (gone == 0.0).nonzero()[0].tolist() == list(range(605, 620)) and len(seen) == 980
    assert flown("late")[1][:5] == [0.0, 0.0, 0.0, 1.0, 2.0]
    with pytest.raises(ValueError, match="unknown fault"):
        faulty(lambda s, m: 0.0, axis, "odd")
