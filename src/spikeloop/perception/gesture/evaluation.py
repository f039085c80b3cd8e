"""Figures of the gesture networks on clips of held-out seeds."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from spikeloop.metrics.energy import operation_energy
from spikeloop.metrics.synaptic_operations import OperationCounter
from spikeloop.perception.gesture.clips import Clips, Plain
from spikeloop.perception.gesture.networks import CLASSES
from spikeloop.perception.gesture.training import measures, outputs
from spikeloop.snn.stateful import reset, run
from spikeloop.snn.training.anytime import exits, running_mean

COSTED = 20


def accuracy(found: Tensor, labels: Tensor) -> float:
    """Share of clips whose mean output is right."""
    return float((found.mean(0).argmax(1) == labels).float().mean())


def metrics(
    steps: nn.Module, hoyer: nn.Module, chosen: dict[str, Any], clips: Clips
) -> dict[str, float]:
    """All figures on test clips.

    Args:
        steps: the network of eight steps.
        hoyer: the network of one step.
        chosen: by `choose_exits`, on validation clips.
        clips: of the test.

    """
    many, labels = outputs(steps, "steps", clips)
    one, _ = outputs(hoyer, "hoyer", clips)
    found = {"accuracy": accuracy(many, labels), "hoyer_accuracy": accuracy(one, labels)}
    found["hoyer_gap_points"] = 100 * (found["accuracy"] - found["hoyer_accuracy"])
    by_measure = {}
    for name, measure in measures(chosen).items():
        end = exits(many, labels, measure, chosen["thresholds"][name])
        by_measure[name] = (100 * (end.full_accuracy - end.accuracy), end.mean_steps / len(many))
        found[f"{name}_gap_points"], found[f"{name}_steps_ratio"] = by_measure[name]
    gap, ratio = by_measure[chosen["measure"]]
    found |= {"early_exit_gap_points": gap, "early_exit_steps_ratio": ratio}
    right = running_mean(many).argmax(-1) == labels
    found |= {f"accuracy_step_{k + 1}": float(r.float().mean()) for k, r in enumerate(right)}
    for gesture in range(CLASSES):
        own = labels == gesture
        found[f"accuracy_gesture_{gesture}"] = float(right[-1][own].float().mean())
    return found | cost(steps, "steps", clips) | cost(hoyer, "hoyer", clips)


def cost(model: nn.Module, kind: str, clips: Clips) -> dict[str, float]:
    """Operations and modelled energy of a clip, on average over some."""
    few = Clips(clips.x[:COSTED], clips.labels[:COSTED])
    data = Plain(few, as_channels=kind == "hoyer")
    x = torch.stack([data[k][0] for k in range(len(data))], dim=1)
    reset(model)
    with OperationCounter(model) as counter, torch.no_grad():
        run(model, x)
    reset(model)
    counted = counter.operations(samples=len(data))
    return {
        f"{kind}_macs": counted.macs,
        f"{kind}_acs": counted.acs,
        f"{kind}_energy_uj": operation_energy(counted).joules * 1e6,
    }
