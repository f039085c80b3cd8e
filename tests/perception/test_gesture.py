"""Gestures: clips repeat, circles turn as told, shifts and mirrors, weights, early exits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from spikeloop_sim.hand import GESTURES, Hand, angles, draw_take
from spikeloop_sim.hand_clips import clip, record, shard_path

from spikeloop.perception.gesture import clips as clips_module
from spikeloop.perception.gesture.clips import Clips, ClipsError, Moved, Plain, load_clips, zoomed
from spikeloop.perception.gesture.networks import (
    Together,
    WeightsError,
    load_network,
    network,
    save_network,
)
from spikeloop.perception.gesture.training import (
    BUDGET,
    Agreement,
    GestureTraining,
    agreeing,
    choose_exits,
    measures,
    outputs,
    train,
)
from spikeloop.snn.training.anytime import exits, running_mean

torch.set_num_threads(1)


def take(gesture, seed=1):
    return draw_take(np.random.default_rng(seed), GESTURES.index(gesture))


@pytest.mark.parametrize("gesture", ["circle clockwise", "circle anticlockwise"])
def test_circles_turn_as_the_camera_sees_them(gesture):
    it = take(gesture)
    times = np.linspace(0, it.period_s, 50, endpoint=False)
    joints = [angles(it, t) for t in times]
    points = np.array([[j["y"], j["z"]] for j in joints]) - times[:, None] * it.drift[1:]
    # Seen from +x, y is to the right and z up: clockwise has a negative area.
    area = 0.5 * np.sum(
        points[:, 0] * np.roll(points[:, 1], -1) - np.roll(points[:, 0], -1) * points[:, 1]
    )
    assert (area < 0) == (gesture == "circle clockwise") and abs(area) > 1e-3


def test_every_gesture_moves_its_own_joints_and_the_hand_follows():
    for gesture in GESTURES:
        it = take(gesture)
        first, later = angles(it, 0.0), angles(it, it.period_s / 3)
        moved = {name for name in first if abs(first[name] - later[name]) > 0.05}
        hand = Hand(it, np.random.default_rng(2))
        before = hand.pose(0.0).geom_xpos.copy()
        assert np.abs(hand.pose(it.period_s / 3).geom_xpos - before).max() > 5e-3
        if gesture == "tap":
            assert moved == {"index_1", "index_2", "index_3"}
        if gesture == "nod":
            assert moved == {"pitch"}


def test_a_clip_is_fixed_by_its_split_and_number():
    events, gesture = clip("test", 13)
    again, _ = clip("test", 13)
    other, _ = clip("training", 13)
    assert gesture == 3 and 500 < len(events) < 120_000
    assert np.array_equal(events.t, again.t) and np.array_equal(events.x, again.x)
    assert len(other) != len(events)
    assert events.t.min() >= 0 and events.t.max() < 1_600_000
    with pytest.raises(ValueError):
        clip("tests", 1)


def test_recorded_files_are_kept_and_read_back(tmp_path, monkeypatch):
    monkeypatch.setitem(clips_module.QUICK, "test", 3)
    found = load_clips("test", tmp_path, quick=True)
    numbers = range(1000, 1003)
    path = shard_path(tmp_path, "test", numbers)
    written = path.stat().st_mtime_ns
    record(tmp_path, "test", numbers)
    assert path.stat().st_mtime_ns == written
    assert found.x.shape == (3, 8, 8, 64, 64) and found.labels.tolist() == [0, 1, 2]
    events, _ = clip("test", 1001)
    at = np.zeros((8, 8, 64, 64), int)
    np.add.at(
        at, (events.t // 200_000, events.t // 50_000 % 4 * 2 + events.p, events.y, events.x), 1
    )
    assert np.array_equal(found.x[1].numpy(), np.minimum(at, 3))
    path.write_bytes(b"nothing")
    with pytest.raises(ClipsError, match=r"test_01000_01003\.npz is damaged"):
        load_clips("test", tmp_path, quick=True)


def drawn(count=20):
    torch.manual_seed(0)
    labels = torch.arange(count) % 10
    x = torch.zeros(count, 8, 8, 64, 64, dtype=torch.uint8)
    for k, label in enumerate(labels):
        x[k, :, int(label) % 2, 6 * int(label) : 6 * int(label) + 6, 20:40] = 2
    return Clips(x, labels)


def test_changed_clips_keep_their_gesture_and_circles_turn_with_them():
    clips = drawn()
    data = Moved(clips)
    torch.manual_seed(1)
    seen = {int(data[8][1]) for _ in range(20)}
    assert seen == {8, 9}
    assert {int(data[3][1]) for _ in range(20)} == {3}
    assert Plain(clips)[2][0].shape == (8, 8, 64, 64)
    one = Plain(clips, as_channels=True)[2][0]
    assert one.shape == (1, 64, 64, 64) and one.sum() == clips.x[2].sum()


def test_a_circle_that_is_mirrored_or_played_backwards_turns_the_other_way(monkeypatch):
    # A point that goes right, seen ON at its front; in bins of 8 steps with 4 parts.
    clip = torch.zeros(1, 8, 8, 64, 64, dtype=torch.uint8)
    for k in range(32):
        clip[0, k // 4, 2 * (k % 4) + 1, 32, 16 + k] = 1
    data = Moved(Clips(clip, torch.tensor([8])))
    # Where a changed clip begins is drawn, too, but not here: the point would jump.
    monkeypatch.setattr(torch.Tensor, "roll", lambda x, *_: x)
    torch.manual_seed(3)
    ways = set()
    for _ in range(40):
        x, label = data[0]
        on = x.unflatten(1, (4, 2)).flatten(0, 1).sum((1, 2))  # (32, 64): part, column
        columns = on.argmax(1)[on.sum(1) > 0].float()
        ways.add((bool(columns[-1] > columns[0]), int(label)))
    assert ways == {(True, 8), (False, 9)}


def test_zoom_and_shift_know_where_pixels_come_from():
    x = torch.arange(64.0).expand(2, 64, 64)
    assert torch.equal(zoomed(x, 1.0, 0, 0), x)
    right = zoomed(x, 1.0, 0, 5)
    assert torch.equal(right[:, :, 5:], x[:, :, :-5]) and not right[:, :, :5].any()
    assert float(zoomed(x, 1.15, -3, 0)[0, 10, 63]) == round(31.5 + 31.5 / 1.15)
    small = zoomed(x, 1 / 1.15, 0, 0)
    assert not small[:, 0].any() and not small[:, :, -1].any() and small[:, 30, 50].all()


def test_both_networks_learn_and_come_back(tmp_path):
    clips = drawn()
    config = GestureTraining(epochs=2, hoyer_epochs=2, batch_size=6)
    for kind in ("hoyer", "steps"):
        model, training = train(kind, clips, config, 1, quiet=True)
        assert training.history[-1]["train_loss"] < training.history[0]["train_loss"]
        save_network(model, tmp_path / f"{kind}.npz", {"seed": 1})
        again, notes = load_network(kind, str(tmp_path / f"{kind}.npz"))
        assert notes == {"seed": 1}
        for key, value in model.state_dict().items():
            assert torch.equal(again.state_dict()[key], value)
    with pytest.raises(WeightsError, match="no gesture network of kind 'hoyer'"):
        load_network("hoyer", str(tmp_path / "steps.npz"))
    with pytest.raises(ValueError, match="steps, hoyer"):
        network("step")


def test_a_changed_clip_begins_at_any_picture_and_then_goes_round():
    clip = torch.zeros(1, 8, 8, 64, 64, dtype=torch.uint8)
    for k in range(32):
        clip[0, k // 4, 2 * (k % 4) : 2 * (k % 4) + 2, 24:40, 24:40] = 1 + (k >= 16)
    data = Moved(Clips(clip, torch.tensor([0])))
    torch.manual_seed(4)
    begins = set()
    for _ in range(30):
        more = data[0][0].unflatten(1, (4, 2)).flatten(0, 1)[:, 0, 31, 31] == 2  # (32,): picture
        assert int(more.sum()) == 16 and int((more != more.roll(1)).sum()) == 2
        begins.add(tuple(more.tolist()))
    assert len(begins) > 10


def test_pictures_of_the_one_step_meet_the_same_first_weights_apart():
    model = network("hoyer").eval()
    x = torch.rand(2, 64, 64, 64)
    first = model[1](model[0](x))
    for k in range(8):
        alone = model[1](x[:, 8 * k : 8 * k + 8])
        assert torch.allclose(first.unflatten(0, (2, 8))[:, k], alone, atol=1e-5)
    assert torch.equal(Together(8)(model[0](x)), x)


def wavering(count=200):
    """Outputs (8, count, 10) whose answer settles at a step of its own, with a lead that tells so."""
    torch.manual_seed(5)
    labels = torch.arange(count) % 10
    settled = torch.randint(0, 5, (count,))
    outputs = 0.1 * torch.rand(8, count, 10)
    for k, (label, step) in enumerate(zip(labels.tolist(), settled.tolist(), strict=True)):
        outputs[step:, k, label] += 2.0 * torch.arange(1, 9 - step)
    return outputs, labels


def test_exits_keep_within_their_budget_and_take_the_measure_that_loses_least():
    outputs, labels = wavering()
    chosen = choose_exits(outputs, labels)
    assert set(chosen["thresholds"]) == {"cutoff", "confidence", "agreement"}
    losses = {}
    for name, measure in measures(chosen).items():
        end = exits(outputs, labels, measure, chosen["thresholds"][name])
        assert end.mean_steps <= BUDGET * 8
        losses[name] = end.full_accuracy - end.accuracy
    assert losses[chosen["measure"]] == min(losses.values()) <= 0.005


def test_agreement_foretells_the_last_answer_whatever_the_truth():
    outputs, _ = wavering()
    temperatures = agreeing(outputs)
    sure = Agreement(tuple(temperatures))(running_mean(outputs))
    agrees = running_mean(outputs).argmax(-1) == running_mean(outputs)[-1].argmax(-1)
    assert bool(agrees[4:].all()) and float(sure[5:].min()) > 0.9
    assert float(sure[0].mean()) == pytest.approx(float(agrees[0].float().mean()), abs=0.15)


def test_the_committed_networks_know_new_gestures():
    events = [clip("validation", 10_000 + k) for k in range(10)]
    x = torch.zeros(10, 8, 8, 64, 64)
    for k, (each, _) in enumerate(events):
        at = np.zeros((8, 8, 64, 64), int)
        np.add.at(at, (each.t // 200_000, each.t // 50_000 % 4 * 2 + each.p, each.y, each.x), 1)
        x[k] = torch.from_numpy(np.minimum(at, 3))
    labels = torch.tensor([gesture for _, gesture in events])
    for kind in ("steps", "hoyer"):
        model, _ = load_network(kind, f"gesture_{kind}")
        found, _ = outputs(model, kind, Clips(x.to(torch.uint8), labels))
        assert float((found.mean(0).argmax(1) == labels).float().mean()) >= 0.5
