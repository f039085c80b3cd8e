"""Decision transformers: neurons, causality, the cache, data, and the trained controller."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import gymnasium
import numpy as np
import pytest
import torch
import yaml
from sensor_msgs.msg import Image, PointCloud2

from spikeloop.control.decision_transformer import acrobot, corridor
from spikeloop.control.decision_transformer.attention import PhaseCode
from spikeloop.control.decision_transformer.compiled import CompiledStream
from spikeloop.control.decision_transformer.config import ModelConfig, TrainingConfig
from spikeloop.control.decision_transformer.controller import Controller
from spikeloop.control.decision_transformer.corrections import with_corrections
from spikeloop.control.decision_transformer.corridor import PatrolExpert
from spikeloop.control.decision_transformer.experts import cartpole_expert
from spikeloop.control.decision_transformer.metering import CostMeter
from spikeloop.control.decision_transformer.neurons import TokenNeurons
from spikeloop.control.decision_transformer.problems import PROBLEMS, problem_of, without_flow
from spikeloop.control.decision_transformer.scaling import scaling_of
from spikeloop.control.decision_transformer.spike_curve import (
    SpikeCurveError,
    curve_svg,
    metrics_of,
    read_points,
)
from spikeloop.control.decision_transformer.storage import (
    BadWeightsError,
    Trained,
    arrays_of,
    file_of,
    load,
    load_stream,
    save,
)
from spikeloop.control.decision_transformer.streaming import Stream
from spikeloop.control.decision_transformer.training import build, train
from spikeloop.control.decision_transformer.trajectories import (
    KINDS,
    environment_of,
    record,
    taken,
)
from spikeloop.control.flow_strips import STRIPS
from spikeloop.nodes.decision_transformer import (
    DecisionTransformerConfig,
    DecisionTransformerNode,
)
from spikeloop.nodes.slot import InputError
from spikeloop.perception.flow.planes import PlaneFlowConfig
from spikeloop.rotation import yaw_of

CARTPOLE = replace(PROBLEMS["cartpole"], episodes=(3, 3, 2))
SMALL = ModelConfig(width=8, heads=2, hidden=12, context=4)


def _lively(kind: str, config: ModelConfig) -> Any:
    """An untrained model, but with enough current that all its layers fire."""
    model = build(kind, CARTPOLE, config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.startswith("blocks") and weight.ndim == 2:
                weight.mul_(3.0)
    return model


def _window(count: int, batch: int = 2, seed: int = 0) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    values = [torch.randn(batch, count, n, generator=random) for n in (1, 4, 2)]
    values[2][:, 0] = 0.0
    return [*values, torch.arange(count).expand(batch, -1)]


def test_neurons_fire_and_learn_as_the_layer_does_step_by_step() -> None:
    layer, random = TokenNeurons(), torch.Generator().manual_seed(1)
    current = (1.2 * torch.randn(4, 3, 5, generator=random)).requires_grad_()
    weight = torch.randn(4, 3, 5, generator=random)
    spikes = layer.whole(current)
    (spikes * weight).sum().backward()
    assert current.grad is not None
    quick, current.grad = current.grad.clone(), None
    slow = layer.sequence(current)
    (slow * weight).sum().backward()
    assert torch.equal(spikes, slow) and 0.0 < float(spikes.detach().mean()) < 1.0
    torch.testing.assert_close(quick, current.grad)


def test_phase_gates_by_the_sign_of_its_sine() -> None:
    code = PhaseCode(SMALL)
    gate = code(torch.tensor([[1, 5]]))
    expected = math.sin(0.5 * (1 * 4 + 2)) > 0.0
    assert gate.shape == (4, 1, 2, 2, 1) and bool(gate[2, 0, 0, 0, 0]) == expected
    # A context of four: the fifth decision takes the slot of the first.
    assert torch.equal(gate[:, :, 0], gate[:, :, 1])


@pytest.mark.parametrize("kind", ("spiking", "plain"))
def test_the_future_changes_nothing(kind: str) -> None:
    torch.manual_seed(3)
    model = _lively(kind, replace(SMALL, context=6))
    window = _window(6)
    before = model(*window)
    for values in window[:3]:
        values[:, 4:] += 3.0
    after = model(*window)
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert not torch.equal(before[:, 4:], after[:, 4:])


@pytest.mark.parametrize("blocks", (1, 2))
def test_the_cache_gives_what_the_whole_window_gives(blocks: int) -> None:
    torch.manual_seed(4)
    model = _lively("spiking", replace(SMALL, blocks=blocks))
    window = _window(11)
    with torch.no_grad():
        whole = model(*window)
    assert len(whole.unique(dim=0)) == 2 and whole.std() > 0.01
    stream = Stream(model, 2)
    for index in range(11):
        given = [values[:, index] for values in window[:3]]
        torch.testing.assert_close(stream.decide(*given), whole[:, index])


@pytest.mark.parametrize(
    "change", ({}, {"blocks": 2}, {"attention": False}, {"phase": False}, {"routing": False})
)
def test_compiled_it_decides_and_costs_the_same(change: dict[str, Any]) -> None:
    torch.manual_seed(9)
    model = _lively("spiking", replace(SMALL, **change))
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    stream, compiled = Stream(model), CompiledStream(model.config, arrays)
    meter, window = CostMeter(model), _window(30, 1, seed=9)
    outputs = []
    for index in range(30):
        given = [values[:, index] for values in window[:3]]
        expected = stream.decide(*given)[0]
        found = compiled.decide(*[values[0].numpy() for values in given])
        np.testing.assert_allclose(found, expected, atol=1e-5)
        cost = meter.take()
        assert compiled.cost.layers == cost.layers
        assert (compiled.cost.acs, compiled.cost.macs) == (cost.acs, cost.macs)
        outputs.append(found)
    assert np.std(outputs, 0).min() > 0.01
    meter.close()


def test_all_that_reaches_the_output_is_spikes() -> None:
    torch.manual_seed(5)
    model = _lively("spiking", SMALL)
    layers = [m for m in model.modules() if isinstance(m, TokenNeurons)]
    for layer in layers:
        layer.threshold.fill_(1e9)
    with torch.no_grad():
        silent = model(*_window(5))
    assert torch.equal(silent, model.head.bias.expand_as(silent))


def test_the_returns_attention_and_each_part_matter() -> None:
    for change in ({"attention": False}, {"phase": False}, {"routing": False}):
        torch.manual_seed(6)
        model = _lively("spiking", SMALL)
        window = _window(5)
        full = model(*window)
        asked = model(window[0] + 2.0, *window[1:])
        model.config = replace(SMALL, **change)
        for block in model.blocks:
            block.config = model.config
        assert not torch.equal(full, model(*window)), change
        assert not torch.equal(full, asked)


def test_the_compiled_acrobot_is_gymnasiums() -> None:
    environment = gymnasium.make("Acrobot-v1")
    environment.reset(seed=2)
    plain: Any = environment.unwrapped
    state = np.array(plain.state, np.float64)
    random = np.random.default_rng(0)
    for _ in range(60):
        action = int(random.integers(3))
        seen, *_ = environment.step(action)
        state = acrobot.step(state, float(action - 1))
        np.testing.assert_allclose(acrobot.observed(state), seen, atol=1e-4)


def test_the_regulator_holds_the_pole_and_data_depend_on_the_seed_alone() -> None:
    expert = cartpole_expert()
    first, again, other = (record(CARTPOLE, seed, expert) for seed in (1, 1, 2))
    assert np.array_equal(first.states, again.states)
    assert not np.array_equal(first.states, other.states)
    assert first.mean_return("expert") == 500.0 and first.mean_return("random") < 100.0
    assert first.returns[0, 0] == 500.0 and first.returns[0, 499] == 1.0
    assert first.actions.sum() == first.lengths.sum()


def test_training_repeats_itself_and_learns(tmp_path: Path) -> None:
    data = record(CARTPOLE, 1, cartpole_expert())
    scaling = scaling_of(data)
    losses: list[float] = []
    training = TrainingConfig(updates=200, batch=8, spike_penalty=0.01)
    models = [
        train(
            "spiking", CARTPOLE, data, scaling, SMALL, replace(training, updates=updates), 1,
            lambda update, loss: losses.append(loss),
        )
        for updates in (200, 20, 20)
    ]  # fmt: skip
    assert losses[1] < 0.9 * losses[0]
    for one, two in zip(models[1].parameters(), models[2].parameters(), strict=True):
        assert torch.equal(one, two)
    path = tmp_path / "weights.npz"
    sizes = {"model": {"width": 8, "heads": 2, "hidden": 12, "context": 4}}
    save(path, arrays_of("spiking", 1, Trained(models[0], scaling)), sizes)
    read = load(path, CARTPOLE, "spiking", 1)
    window = _window(4)
    with torch.no_grad():
        torch.testing.assert_close(read.model(*window), models[0](*window))
    with pytest.raises(BadWeightsError, match=r"holds no plain/1; it has: spiking/1"):
        load(path, CARTPOLE, "plain", 1)
    with pytest.raises(BadWeightsError, match="doesn't fit"):
        load(path, PROBLEMS["acrobot"], "spiking", 1)


def test_the_controller_balances_and_tells_its_cost() -> None:
    problem = problem_of("cartpole")
    controller = Controller(problem, *load_stream(file_of(problem, ""), problem, 1))
    environment = gymnasium.make("CartPole-v1")
    state, _ = environment.reset(seed=12)
    steps, ended = 0, False
    while not ended:
        command = controller.decide(state.tolist())
        assert sorted(command) == [-1.0, 1.0]
        state, _, terminated, truncated, _ = environment.step(int(np.argmax(command)))
        ended = terminated or truncated
        steps += 1
    assert steps >= 475
    fired = controller.fired()
    assert sum(fired.sizes) == 3 * 32 + 3 * 32 + 32 + 64 + 32 and fired.indices
    assert 0 < len(fired.indices) <= controller.cost.spikes <= 600
    with pytest.raises(ValueError, match="3 values, but task 'cartpole' has 4"):
        controller.decide([0.0] * 3)
    with pytest.raises(ValueError, match="isn't finite"):
        controller.decide([0.0, math.nan, 0.0, 0.0])
    with pytest.raises(ValueError, match="did you mean 'cartpole'"):
        problem_of("cartpol")


def test_the_meter_counts_every_spike() -> None:
    torch.manual_seed(8)
    model = _lively("spiking", SMALL)
    meter = CostMeter(model)
    stream, window = Stream(model, 1), _window(1, 1)
    stream.decide(*[values[:, 0] for values in window[:3]])
    cost = meter.take()
    assert cost.spikes == sum(float(spikes.sum()) for spikes in meter.last.values()) > 0
    assert cost.macs == 7 * 8 + 2 * (2 + 12) * 4 + 2 * 3
    assert meter.take().spikes == 0
    meter.close()


def test_the_corridor_is_seen_as_the_environment_shows_it() -> None:
    problem = PROBLEMS["corridor"]
    environment = environment_of(problem)
    state, _ = environment.reset(seed=3)
    expert = PatrolExpert()
    expert.begin(environment)
    robot: Any = environment.get_wrapper_attr("robot")
    limits = robot.config
    assert (limits.speed, limits.speed_back, limits.turn_rate) == (1.0, 0.3, 2.0)
    asked = 0.0
    for _ in range(4):
        action = expert(state)
        before = state
        state, reward, *_ = environment.step(taken(problem, action))
        asked += reward - problem.reward(before, action, state)
    assert abs(asked) < 0.02  # odometry's drift
    cloud, odometry = robot.read("lidar/points").points, robot.read("odom")
    points = np.stack([cloud[name].reshape(-1) for name in "xyz"], 1).astype(float)
    pose = (*odometry.position[:2], yaw_of(*odometry.orientation))
    speeds = (odometry.linear_velocity[0], odometry.angular_velocity[2])
    goal = robot.world.surroundings.goal[:2]
    found = corridor.observation(points, pose, goal, speeds, state[-STRIPS:])
    np.testing.assert_allclose(found, state, atol=1e-5)
    assert corridor.seen(found).shape == (problem.states,)
    blind = without_flow(problem)
    assert corridor.seen(found[:-STRIPS]).shape == (blind.states,)
    assert not blind.options["flow"] and blind.values == len(found) - STRIPS
    with pytest.raises(ValueError, match="task 'cartpole' has no flow"):
        without_flow(CARTPOLE)
    assert corridor.command_of((1.0, -0.5)) == (1.0, -1.0)
    assert corridor.command_of((-1.0, 0.0)) == (-0.3, 0.0)
    environment.close()


def test_the_curve_tells_what_a_spike_penalty_costs(tmp_path: Path) -> None:
    paths = []
    for penalty, spikes, value in ((0.1, 60.0, 250.0), (0.0, 300.0, 498.0)):
        test = {
            "spikes_per_decision": spikes,
            "spikes_attended_0": spikes / 20,
            "return": value,
            "return_seed_low": value - 10,
            "return_seed_high": value + 2,
            "shuffled_return": 240.0,
        }
        sidecar = {"task": "cartpole", "training": {"spike_penalty": penalty}, "test": test}
        paths.append(tmp_path / f"{penalty}.json")
        paths[-1].write_text(json.dumps(sidecar), encoding="utf-8")
    points = read_points(paths)
    assert [point.penalty for point in points] == [0.0, 0.1]
    assert metrics_of(points)["cartpole_penalty_0.1_spikes_attended"] == 3.0
    drawing = ElementTree.fromstring(curve_svg(points))
    marks = [e for e in drawing.iter("{http://www.w3.org/2000/svg}circle") if e.get("r") == "3"]
    full = [float(mark.get("cy", "")) for mark in marks if mark.get("fill") != "none"]
    assert full[0] < full[1]  # the greater return stands higher
    paths[0].write_text("[]", encoding="utf-8")
    with pytest.raises(SpikeCurveError, match=r"0\.1\.json is no sidecar"):
        read_points(paths)
    with pytest.raises(SpikeCurveError, match=r"none\.json can't be read"):
        read_points([tmp_path / "none.json"])


def test_the_expert_corrects_where_the_learner_drives(tmp_path: Path) -> None:
    problem = replace(CARTPOLE, corrections=(2, 2))
    expert, learned = cartpole_expert(), []
    data = record(problem, 1, expert)

    def learn(data: Any, scaling: Any) -> Any:
        learned.append(len(data.lengths))
        torch.manual_seed(7)
        return build("spiking", problem, SMALL)

    first = with_corrections(problem, data, 1, tmp_path, expert, learn)
    again = with_corrections(problem, data, 1, tmp_path, expert, learn)
    assert learned == [8, 10] and np.array_equal(first.states, again.states)
    assert KINDS[first.kinds[-1]] == "corrected" and len(first.lengths) == 12
    length = first.lengths[8]
    told = [np.argmax(a) for a in first.actions[8, :length]]
    assert told == [expert(s) for s in first.states[8, :length].astype(float)]
    # An untrained learner does something else than the expert says, and falls soon.
    assert length < 200 and not np.array_equal(first.actions[8], first.done[8])
    # Asked for is the expert's return, less what was gained.
    np.testing.assert_allclose(first.returns[8, :3], 500.0 - np.arange(3))


def test_the_mission_sees_flow_as_the_environment_does() -> None:
    from spikeloop_sim.flow_sense import CAMERA, PLANES

    mission = yaml.safe_load(Path("config/missions/corridor_transformer.yaml").read_text())
    flow = dict(mission["parameters"]["flow"])
    assert flow.pop("period") == corridor.DECISION_S
    assert replace(PLANES, **flow) == PLANES == PlaneFlowConfig(**flow)
    robot = mission["robot_parameters"]
    assert all(robot.get(name, True) == value for name, value in CAMERA.items())
    assert mission["world_parameters"] == PROBLEMS["corridor"].options["world_parameters"]


def test_without_flow_the_node_warns_and_sees_nothing_pass() -> None:
    told: list[str] = []
    node: Any = SimpleNamespace(
        config=DecisionTransformerConfig(task="corridor"),
        diagnoser=SimpleNamespace(report=lambda level, text: told.append(text)),
    )
    points, flow = PointCloud2(), Image(height=2, width=16, encoding="32FC2", step=128)
    points.header.stamp.sec = 5
    flow.header.stamp.sec = 4
    flow.data = np.full((2, 16, 2), 7.0, "<f4").tobytes()
    passing = DecisionTransformerNode._passing
    assert not passing(node, {"lidar/points": points}, 0.0).any()
    assert not passing(node, {"lidar/points": points, "perception/flow": flow}, 0.0).any()
    assert "none has come yet" in told[0] and "for more than 0.3 s" in told[1]
    flow.header.stamp.sec = 5
    assert passing(node, {"lidar/points": points, "perception/flow": flow}, 0.0).all()
    flow.encoding = "mono8"
    with pytest.raises(InputError, match="perception/flow: encoding 'mono8'"):
        passing(node, {"lidar/points": points, "perception/flow": flow}, 0.0)
    assert len(told) == 2
