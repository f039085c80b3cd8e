"""A spiking decision transformer (slot `controller`): see `control.decision_transformer`."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from geometry_msgs.msg import TwistStamped
from numpy.typing import NDArray
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from spikeloop.control.decision_transformer import corridor
from spikeloop.control.decision_transformer.problems import PROBLEMS
from spikeloop.control.flow_strips import STRIPS, strip_rates
from spikeloop.installed import UnknownWeightsError
from spikeloop.loop.health import Level
from spikeloop.msg import LoopCost, SpikeRecord
from spikeloop.nodes.commands import no_twist, twist_of
from spikeloop.nodes.flows import flow_of
from spikeloop.nodes.messages import Message, stamp_of
from spikeloop.nodes.observing import ObservingNode
from spikeloop.nodes.running import run_node
from spikeloop.nodes.scans import scan_of
from spikeloop.nodes.slot import InputError
from spikeloop.nodes.spiking_account import ENERGY_MODEL
from spikeloop.parameters import parameter
from spikeloop.rotation import yaw_of

if TYPE_CHECKING:
    from spikeloop.control.decision_transformer.controller import Controller

CORRIDOR = "corridor"
POINTS, ODOM, GOAL, FLOW = "lidar/points", "odom", "setpoint", "perception/flow"
FROZEN_SCANS = 4
"""So often the same scan comes from a LiDAR that has stopped."""
FLOW_AGE_NS = 300_000_000
"""Older flow than this is none."""


@dataclass(frozen=True)
class DecisionTransformerConfig:
    """Which task is controlled, and by which of its trained networks."""

    task: str = parameter(
        "cartpole", "Task that the networks were trained for.", choices=tuple(PROBLEMS), fixed=True
    )
    weights: str = parameter(
        "",
        "Networks, by the name of a file in weights/ or the path of an .npz; empty for the task's.",
        fixed=True,
    )
    training_seed: int = parameter(1, "Which of the networks in that file.", low=0, fixed=True)
    more_return: float = parameter(
        0.0, "Added to the return that is asked for, the mean of the expert's.", fixed=True
    )
    forget_after: float = parameter(
        0.5,
        "A pause longer than this ends the episode: the context is forgotten.",
        unit="s",
        low=0.0,
        high=60.0,
    )
    field: float = parameter(
        1.396, "Horizontal field of the camera that flow is of.", unit="rad", low=0.2, high=2.9
    )
    period: float = parameter(
        0.01, "Least time between two decisions.", unit="s", low=1e-3, high=60.0
    )

    @property
    def size(self) -> int:
        """Values of an observation."""
        return PROBLEMS[self.task].values


class DecisionTransformerNode(ObservingNode):
    """Observation in, command of the actuators and its cost out; the robot's task: see `wiring`."""

    text = "Spiking decision transformer: acts for a return that is asked for, from a context."
    config_type = DecisionTransformerConfig
    config: DecisionTransformerConfig
    controller: Controller
    _scanned: bytes
    _repeats: int

    @classmethod
    def wiring(
        cls, config: DecisionTransformerConfig
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """The topics depend on the task: the robot's has its sensors for an observation."""
        drives = config.task == CORRIDOR
        joins = (POINTS, ODOM, GOAL, FLOW) if drives else cls.joins
        command = "cmd_vel_raw" if drives else "actuators_raw"
        return (command, *cls.publishes[1:]), joins, joins

    def wire(self) -> None:
        """Take the topics of the task."""
        self.publishes, self.joins, _ = self.wiring(self.config)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the network; its compiled steps come from the disk after the first time."""
        from spikeloop.control.decision_transformer.controller import Controller
        from spikeloop.control.decision_transformer.storage import (
            BadWeightsError,
            file_of,
            load_stream,
        )

        problem = PROBLEMS[self.config.task]
        try:
            path = file_of(problem, self.config.weights)
            stream, scaling = load_stream(path, problem, self.config.training_seed)
        except (UnknownWeightsError, BadWeightsError) as error:
            self.diagnoser.report(Level.ERROR, f"parameter 'weights': {error}")
            return TransitionCallbackReturn.FAILURE
        target = scaling.target + self.config.more_return
        self.controller = Controller(problem, stream, scaling, target)
        # The first decision takes a hundred times as long as the others.
        self.controller.decide([0.0] * problem.values)
        return super().on_configure(state)

    def observed(self, inputs: dict[str, Message]) -> Sequence[float]:
        """See `ObservingNode`; the robot's is made of a scan, odometry, the goal and flow."""
        if self.config.task != CORRIDOR:
            return super().observed(inputs)
        for name in (ODOM, GOAL):
            if name not in inputs:
                raise InputError(f"{name}: none has come yet")
        odometry, goal = inputs[ODOM], inputs[GOAL].pose.position
        place, turn = odometry.pose.pose.position, odometry.pose.pose.orientation
        speeds = (odometry.twist.twist.linear.x, odometry.twist.twist.angular.z)
        pose = (place.x, place.y, yaw_of(turn.x, turn.y, turn.z, turn.w))
        points, passing = self._scan(inputs[POINTS]), self._passing(inputs, speeds[1])
        seen = corridor.observation(points, pose, (goal.x, goal.y), speeds, passing)
        return [float(value) for value in seen]

    def _passing(self, inputs: dict[str, Message], turn_rate: float) -> NDArray[np.float64]:
        """Flow by strips; a warning and nothing seen where none comes: the LiDAR has the walls."""
        message = inputs.get(FLOW)
        if message is None:
            why = "none has come yet"
        elif stamp_of(inputs[POINTS]) - stamp_of(message) > FLOW_AGE_NS:
            why = f"none for more than {1e-9 * FLOW_AGE_NS:g} s"
        elif message.width * message.height == 0:
            why = "a picture without pixels"
        elif message.width < STRIPS:
            raise InputError(f"{FLOW}: {message.width} columns, but {STRIPS} are needed")
        else:
            return strip_rates(flow_of(FLOW, message), self.config.field, turn_rate)
        self.diagnoser.report(Level.WARN, f"{FLOW}: {why}; it counts as nothing seen")
        return np.zeros(STRIPS)

    def _scan(self, message: Message) -> NDArray[np.float64]:
        """See `scan_of`; noise makes each scan another."""
        points = scan_of(POINTS, message)
        content = points.tobytes()
        self._repeats = self._repeats + 1 if content == self._scanned else 0
        self._scanned = content
        if self._repeats >= FROZEN_SCANS:
            raise InputError(f"{POINTS}: frozen, the same scan {self._repeats} times more")
        return points

    def reset(self) -> None:
        """Begin an episode."""
        super().reset()
        self._scanned = b""
        self._repeats = 0

    def commanded(self, command: Sequence[float]) -> dict[str, Message]:
        """See `ObservingNode`."""
        if self.config.task != CORRIDOR:
            return super().commanded(command)
        speed, rate = corridor.command_of(command)
        message = TwistStamped(twist=twist_of((speed, 0.0, 0.0, 0.0, 0.0, rate)))
        message.header.frame_id = "base_link"
        return {"cmd_vel_raw": message}

    def empty(self, name: str) -> Message:
        """The answer without a command: an input can't be trusted."""
        return no_twist() if name == "cmd_vel_raw" else super().empty(name)

    def cost(self) -> LoopCost:
        """See `ObservingNode`."""
        cost = self.controller.cost
        return LoopCost(
            node=self.get_fully_qualified_name(),
            spikes=round(cost.spikes),
            accumulates=round(cost.acs),
            multiply_accumulates=round(cost.macs),
            energy=cost.energy_j,
            energy_model=ENERGY_MODEL,
        )

    def spikes(self) -> SpikeRecord:
        """See `ObservingNode`."""
        fired, outputs = self.controller.fired(), self.controller.outputs
        return SpikeRecord(
            node=self.get_fully_qualified_name(),
            layers=fired.layers,
            sizes=fired.sizes,
            fired=fired.indices,
            outputs=[f"action {index}" for index in range(len(outputs))],
            potentials=array("f", outputs.tolist()),
        )


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(DecisionTransformerNode, args)
