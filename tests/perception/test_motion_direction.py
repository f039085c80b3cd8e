"""Motion by delays: movies move as told, the stream equals torch, decisions follow the motion."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeloop.events.array import Events
from spikeloop.perception.motion_direction import coincidence
from spikeloop.perception.motion_direction.detector import (
    DetectorConfig,
    MotionDetector,
    WeightsError,
    load_detector,
    save_weights,
    windows,
)
from spikeloop.perception.motion_direction.event_steps import EventSteps
from spikeloop.perception.motion_direction.movies import Motions, Sensor, raster, rasters, texture
from spikeloop.perception.motion_direction.streaming import StreamingDetector
from spikeloop.perception.motion_direction.training import Turned, accuracy

torch.set_num_threads(1)
QUIET = Sensor(mismatch=0.0, noise=0.0)
SMALL = DetectorConfig(directions=4, speeds=(0.5, 1.0), size=5, delays=3)


def moved(first, second, velocity):
    """Whether events of the second step lie where those of the first have moved to."""
    dx, dy = (int(v) for v in velocity)
    return float(np.mean(first[2:-2, 2:-2] * np.roll(second, (-dy, -dx), (0, 1))[2:-2, 2:-2]))


@pytest.mark.parametrize("velocity", [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_events_move_with_the_texture(velocity):
    movie = raster(np.random.default_rng(4), np.array(velocity, float), 48, 12, QUIET)
    alike = {}
    for other in [(1, 0), (-1, 0), (0, 1), (0, -1)]:
        alike[other] = np.mean(
            [moved(movie[t, p], movie[t + 1, p], other) for t in range(4, 11) for p in (0, 1)]
        )
    assert max(alike, key=alike.get) == velocity


def test_a_still_texture_gives_no_events_and_seeds_fix_everything():
    assert not raster(np.random.default_rng(1), np.zeros(2), 16, 10, QUIET).any()
    first, labels = rasters(7, Motions(), 3, 12, 4)
    again, _ = rasters(7, Motions(), 3, 12, 4)
    other, _ = rasters(8, Motions(), 3, 12, 4)
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert labels.tolist() == [0, 1, 2]
    assert 0.24 < texture(np.random.default_rng(2)).std() < 0.61
    with pytest.raises(ValueError, match="from 1 to 64"):
        raster(np.random.default_rng(1), np.zeros(2), 65, 2)


def test_velocities_go_clockwise_from_the_right():
    found = Motions(4, (1.0, 2.0)).velocities()
    wanted = [[1, 0], [2, 0], [0, 1], [0, 2], [-1, 0], [-2, 0], [0, -1], [0, -2]]
    assert np.allclose(found, wanted)


def test_turned_movies_move_as_their_label_says():
    motions = Motions(4, (1.0,))
    # A dot that goes to the right: newest first.
    movie = torch.zeros(1, 2, 2, 5, 5, dtype=torch.uint8)
    movie[0, 0, 1, 2, 3] = movie[0, 1, 1, 2, 2] = 1
    data = Turned(movie, torch.tensor([0]), motions)
    torch.manual_seed(0)
    seen = set()
    for _ in range(40):
        turned, label = data[0]
        new, old = (np.argwhere(turned[0, k, 1].numpy())[0] for k in (0, 1))
        assert np.allclose((new - old)[::-1], motions.velocities()[int(label)])
        seen.add(int(label))
    assert seen == {0, 1, 2, 3}
    with pytest.raises(ValueError, match="multiple of 4"):
        Turned(movie, torch.tensor([0]), Motions(6, (1.0,)))


def small(seed=0):
    torch.manual_seed(seed)
    detector = MotionDetector(SMALL)
    with torch.no_grad():
        detector.layer.weight.mul_(detector.layer.mask * 3)
        detector.layer.bias.uniform_(-0.5, 0.5)
    return detector.eval()


@settings(max_examples=10)
@given(st.integers(0, 1000), st.booleans())
def test_the_stream_equals_torch(seed, pruned):
    detector = small(seed)
    if pruned:
        detector.layer.prune(detector.layer.synapses() // 4)
    random = np.random.default_rng(seed)
    movie = (random.random((6, 2, 8, 9)) < 0.3).astype(np.uint8)
    stream = StreamingDetector(detector, 9, 8, certainty=0.0, least=1)
    motion = np.stack([stream.step(one).motion for one in movie])
    with torch.no_grad():
        past = torch.from_numpy(windows(movie, SMALL.delays))
        log = detector.log_probabilities(past).unflatten(1, (4, 5))
    best = log.argmax(-1).numpy()
    told = motion[2:, 2:-2, 2:-2]
    top = log.topk(2, dim=-1).values
    clear = ((top[..., 0] - top[..., 1]) > 1e-4).numpy() & (told >= 0)
    assert clear.any() and np.array_equal(told[clear], best[clear])
    assert StreamingDetector(detector, 9, 8, 0.0, 1).step(movie[0] * 0).accumulates == 0


def test_a_spike_adds_each_weight_once():
    detector = small()
    stream = StreamingDetector(detector, 11, 11, 0.0, 1)
    spikes = np.zeros((2, 11, 11), np.uint8)
    spikes[1, 5, 5] = 1
    step = stream.step(spikes)
    # As it is and exchanged: the weights of both polarities.
    assert step.accumulates == detector.layer.synapses() and step.inputs == 1
    with pytest.raises(ValueError, match=r"must be \(2, 11, 11\)"):
        stream.step(spikes[:, 1:])


def test_exchanging_on_and_off_changes_no_motion():
    detector = small()
    past = (torch.rand(2, 3, 2, 8, 8) < 0.3).float()
    with torch.no_grad():
        assert torch.allclose(detector(past), detector(past.flip(2)), atol=1e-6)


def test_weights_come_back_and_bad_files_are_named(tmp_path):
    detector = small()
    detector.layer.prune(50)
    save_weights(detector, tmp_path / "d.npz", {"seed": 3})
    again, notes = load_detector(str(tmp_path / "d.npz"))
    assert again.layer.synapses() == 50 and notes["seed"] == 3
    past = (torch.rand(1, 3, 2, 8, 8) < 0.3).float()
    with torch.no_grad():
        assert torch.equal(again(past), detector(past))
    notes["config"]["delays"] = 4
    (tmp_path / "d.json").write_text(json.dumps(notes))
    with pytest.raises(WeightsError, match=r"d\.npz: weight must be"):
        load_detector(str(tmp_path / "d.npz"))
    (tmp_path / "d.json").unlink()
    with pytest.raises(WeightsError, match="is no motion detector"):
        load_detector(str(tmp_path / "d.npz"))


def test_the_committed_detectors_know_the_motion_of_new_movies():
    full, _ = load_detector("delay_motion")
    pruned, _ = load_detector("delay_motion_pruned")
    assert full.layer.synapses() > 10 * pruned.layer.synapses()
    movies, labels = rasters(31_337, full.config.motions(), 18, 36, 30)
    assert accuracy(full, movies, labels)[0] > 0.6
    assert accuracy(pruned, movies, labels)[0] > 0.6


def test_events_become_flow_in_pixels_a_second():
    detector, _ = load_detector("delay_motion_pruned")
    config = detector.config
    fast = 3 * config.motions().directions // 4 * len(config.speeds) + 2
    velocity = config.motions().velocities()[fast]  # upwards
    movie = raster(np.random.default_rng(9), velocity, 48, 40, QUIET)
    t, p, y, x = np.nonzero(movie)
    events = Events(
        (t * 5000 + 2500).astype(np.int64),
        (2 * x).astype(np.uint16),
        (2 * y).astype(np.uint16),
        p.astype(np.uint8),
        97,
        96,
    )
    stream = EventSteps(detector, 97, 96, 2, 0.3, 40)
    half = len(events) // 2
    steps = stream.feed(events[:half]) + stream.feed(events[half:])
    assert len(steps) == 39
    whole = EventSteps(detector, 97, 96, 2, 0.3, 40).feed(events)
    assert all(np.array_equal(a.motion, b.motion) for a, b in zip(steps, whole, strict=True))
    flow = stream.flow(steps[12:])
    assert flow.shape == (96, 97, 2) and np.isnan(flow[:, 96]).all()
    known = flow[~np.isnan(flow[..., 0])]
    assert len(known) > 500
    # 1 place of 2 pixels a step of 5 ms is 400 px/s.
    assert np.allclose(np.median(known, 0), [0.0, -400.0], atol=100.0)
    assert len(stream.feed(events[:0])) == 0
    with pytest.raises(ValueError, match="lower 'downsample'"):
        EventSteps(detector, 3, 3, 4, 0.3, 1)


def test_patterns_differ_in_timing_alone():
    config = coincidence.Patterns(strewn=0.0, jitter=0.0)
    x, labels = coincidence.draw(config, 1, 80, 1)
    assert torch.equal(x.sum(1), torch.ones(80, config.inputs))
    assert torch.equal(x[labels == 0][0], x[labels == 0][1])
    assert not torch.equal(x[labels == 0][0], x[labels == 1][0])
    noisy = coincidence.Patterns()
    a, _ = coincidence.draw(noisy, 1, 10, 1)
    b, _ = coincidence.draw(noisy, 1, 10, 2)
    assert not torch.equal(a, b)
    with pytest.raises(ValueError, match="none, random, learned"):
        coincidence.network(noisy, "learnt")


def test_delays_narrow_and_move_while_they_are_learned():
    config = coincidence.Patterns(hidden=6)
    torch.manual_seed(2)
    model = coincidence.network(config, "learned")
    before = model[0].delay()
    x, labels = coincidence.draw(config, 1, 32, 1)
    rule = coincidence.DelayRule(8)
    optimiser = torch.optim.AdamW(model.parameters(), 1e-2)
    for _ in range(8):
        optimiser.zero_grad()
        rule.backward(model, x.transpose(0, 1), labels, torch.nn.functional.cross_entropy)
        optimiser.step()
    assert float(model[0].sigma) == pytest.approx(0.23)
    assert float((model[0].delay() - before).abs().max()) > 0.1e-3
    fixed = coincidence.network(config, "random")
    assert not fixed[0].position.requires_grad
