"""Rules by their names in a trainer's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spikeloop.snn.training.anytime import Anytime
from spikeloop.snn.training.broadcast import Broadcast
from spikeloop.snn.training.hoyer import Hoyer
from spikeloop.snn.training.rule import BPTT, Rule
from spikeloop.snn.training.sltt import SLTT

if TYPE_CHECKING:
    from spikeloop.snn.training.trainer import TrainingConfig


def rule_of(config: TrainingConfig) -> Rule:
    """The rule that a configuration names, with its options."""
    weight, whole = config.rule_weight, config.layer_by_layer
    rules: dict[str, Rule] = {
        "bptt": BPTT(whole),
        "sltt": SLTT(config.rule_steps, config.seed),
        "hoyer": Hoyer(weight, whole),
        "anytime": Anytime(weight, config.rule_layers, whole),
        "three_factor": Broadcast(config.seed),
    }
    return rules[config.rule]
