"""Along a lane by what a sensor of the lane tells (slot `controller`), without knowing where."""

from __future__ import annotations

from dataclasses import dataclass

from geometry_msgs.msg import TwistStamped

from spikeloop.control.lane_follower.lane_follower import LaneFollowerConfig, steer
from spikeloop.nodes.commands import no_twist, twist_of
from spikeloop.nodes.messages import Message
from spikeloop.nodes.running import run_node
from spikeloop.nodes.slot import InputError, SlotNode
from spikeloop.parameters import parameter

LANE = "observation"
LABELS = ("lane_offset", "heading_error", "curvature")


@dataclass(frozen=True)
class LaneFollowerNodeConfig(LaneFollowerConfig):
    """How it drives, and how often it decides."""

    period: float = parameter(
        0.1, "Time between two commands.", unit="s", low=1e-4, high=60.0, fixed=True
    )


class LaneFollowerNode(SlotNode):
    """An observation with lane_offset (m), heading_error (rad) and curvature (1/m) in."""

    slot = "controller"
    text = "Keeps a lane: drives its curvature, feeds offset and heading error back."
    config_type = LaneFollowerNodeConfig
    publishes = ("cmd_vel_raw",)
    joins = (LANE,)
    config: LaneFollowerNodeConfig

    def answer(self, stamp_ns: int, inputs: dict[str, Message]) -> dict[str, Message]:
        """One decision."""
        message = inputs[LANE]
        told = dict(zip(message.labels, message.values, strict=False))
        missing = [name for name in LABELS if name not in told]
        if missing:
            raise InputError(f"{LANE}: lacks '{missing[0]}'; it has: {', '.join(told) or 'none'}")
        try:
            offset, heading_error, curvature = (float(told[name]) for name in LABELS)
            speed, turn = steer(offset, heading_error, curvature, self.config)
        except ValueError as error:
            raise InputError(f"{LANE}: {error}") from error
        command = TwistStamped(twist=twist_of((speed, 0.0, 0.0, 0.0, 0.0, turn)))
        command.header.frame_id = "base_link"
        return {"cmd_vel_raw": command}

    def empty(self, name: str) -> Message:
        """The answer without a command: the lane isn't known."""
        return no_twist()


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(LaneFollowerNode, args)
