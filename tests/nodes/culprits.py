"""Nodes that break the contract, each in the way that its parameter `sin` says."""

from __future__ import annotations

import os
import time
from array import array
from dataclasses import dataclass
from typing import Any

from actuator_msgs.msg import Actuators
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from spikeloop.nodes.running import run_node
from spikeloop.nodes.slot import SlotNode
from spikeloop.parameters import parameter

SINS = ("none", "random", "not finite", "slow end", "dies", "foreign topic", "silent", "bad start")


@dataclass(frozen=True)
class CulpritConfig:
    """What is wrong."""

    sin: str = parameter("none", "What is wrong with it.", choices=SINS, fixed=True)
    period: float = parameter(0.1, "Time between two commands.", unit="s", low=1e-4, high=60.0)


class CulpritNode(SlotNode):
    """A controller that answers the altitude with itself, but for its sin."""

    slot = "controller"
    text = "A controller that breaks the contract."
    config_type = CulpritConfig
    publishes = ("actuators_raw",)
    joins = ("altitude",)

    @classmethod
    def wiring(cls, config: Any) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        more = ("lidar/points",) if config.sin == "foreign topic" else ()
        return (*cls.publishes, *more), cls.joins, cls.joins

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        if self.config.sin == "bad start":
            raise RuntimeError("planted")
        return super().on_activate(state)

    def answer(self, stamp_ns: int, inputs: Any) -> Any:
        sin, value = self.config.sin, inputs["altitude"].range
        if sin == "dies":
            raise RuntimeError("planted")
        if sin == "silent":
            return {}
        if sin == "random":
            value = float.fromhex("0x1p-32") * int.from_bytes(os.urandom(4))
        return {"actuators_raw": Actuators(normalized=array("d", [value]))}

    def _respond(self, stamp_ns: int, inputs: Any, received: int) -> None:
        if self.config.sin == "not finite":
            self.publish("actuators_raw", self.answer(stamp_ns, inputs)["actuators_raw"], stamp_ns)
        else:
            super()._respond(stamp_ns, inputs, received)

    def end(self) -> None:
        if self.config.sin == "slow end":
            time.sleep(2.0)
        super().end()


def main(args: list[str] | None = None) -> int:
    return run_node(CulpritNode, args)
