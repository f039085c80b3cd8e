"""Flow from heterogeneous delays (slot `flow`): see `spikeloop.perception.motion_direction`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import Image

from spikeloop.events.array import Events, Triggers
from spikeloop.installed import UnknownWeightsError
from spikeloop.loop.health import Level
from spikeloop.msg import LoopCost
from spikeloop.nodes.event_node import EventNode, Output
from spikeloop.nodes.event_packets import bytes_of
from spikeloop.nodes.messages import Message
from spikeloop.nodes.running import run_node
from spikeloop.parameters import parameter

if TYPE_CHECKING:
    from spikeloop.perception.motion_direction.event_steps import EventSteps
    from spikeloop.perception.motion_direction.streaming import Step

FLOW, COST = "perception/flow", "loop/cost"


@dataclass(frozen=True)
class DelayMotionConfig:
    """The detector, and how it sees the events."""

    weights: str = parameter(
        "delay_motion_pruned",
        "Trained detector, by the name of a file in weights/ or by the path of an .npz.",
        fixed=True,
    )
    source: str = parameter(
        "events",
        "Which events: as the camera gives them, or slices.",
        choices=("events", "slices"),
        fixed=True,
    )
    downsample: int = parameter(
        4,
        "Columns and rows of the sensor that are one place; speeds scale with it.",
        unit="pixels",
        low=1,
        high=64,
        fixed=True,
    )
    certainty: float = parameter(
        0.3, "Least probability of a motion that is told.", low=0.0, high=1.0, fixed=True
    )
    least: int = parameter(
        40, "Least number of weights that must have told of a place.", low=1, fixed=True
    )
    period: float = parameter(
        0.05, "Time between two outputs, by stamps.", unit="s", low=0.001, high=10.0, fixed=True
    )


class DelayMotionNode(EventNode):
    """Events in, flow where a motion won since the last output, and its cost."""

    slot = "flow"
    text = "One layer of spiking synapses with many delays: 12 directions at 3 speeds."
    config_type = DelayMotionConfig
    publishes = (FLOW, COST)
    config: DelayMotionConfig

    @classmethod
    def source_of(cls, config: DelayMotionConfig) -> str:
        """The camera's events, or slices of them."""
        return f"event_camera/{config.source}"

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the detector."""
        from spikeloop.perception.motion_direction.detector import WeightsError, load_detector

        try:
            self.detector, _ = load_detector(self.config.weights)
        except (UnknownWeightsError, WeightsError) as error:
            self.diagnoser.report(Level.ERROR, f"parameter 'weights': {error}")
            return TransitionCallbackReturn.FAILURE
        return super().on_configure(state)

    def reset(self) -> None:
        """No event yet."""
        self._stream: EventSteps | None = None
        self._since: list[Step] = []
        self._told: Counter[str] = Counter()

    def stream_restarted(self) -> None:
        """Forget the spikes on their way."""
        self._stream = None

    def feed(self, events: Events, triggers: Triggers, stamp_ns: int) -> list[Output]:
        """Run the steps that are complete; tell the motions when it is time."""
        from spikeloop.perception.motion_direction.event_steps import EventSteps

        size = (events.width, events.height)
        if self._stream is None or self._stream.sensor != size:
            c = self.config
            self._stream = EventSteps(self.detector, *size, c.downsample, c.certainty, c.least)
            self._since = []
        steps = self._stream.feed(events)
        self._since += steps
        self._told.update(
            steps=len(steps),
            accumulates=sum(step.accumulates for step in steps),
            winners=sum(step.winners for step in steps),
        )
        if self.lockstep is None and not self._is_due(stamp_ns):
            return []
        flow = self._stream.flow(self._since)
        outputs = [
            Output(FLOW, self._image(flow), stamp_ns),
            Output(COST, self._cost(self._since), stamp_ns),
        ]
        self._since = []
        return outputs

    def _image(self, flow: NDArray[np.float32]) -> Image:
        height, width = flow.shape[:2]
        image = Image(height=height, width=width, encoding="32FC2", step=8 * width)
        image.data = bytes_of(np.ascontiguousarray(flow, "<f4").reshape(-1).view(np.uint8))
        image.header.frame_id = self.reader.frame_id
        return image

    def _cost(self, steps: list[Step]) -> LoopCost:
        from spikeloop.perception.motion_direction.event_steps import energy

        accumulates = sum(step.accumulates for step in steps)
        modelled = energy(accumulates)
        return LoopCost(
            node=self.get_fully_qualified_name(),
            spikes=sum(step.winners for step in steps),
            accumulates=accumulates,
            multiply_accumulates=0,
            energy=modelled.joules,
            energy_model=modelled.model,
        )

    def empty(self, name: str) -> Message:
        """A picture without pixels."""
        return Image(encoding="32FC2")

    def figures(self) -> dict[str, str]:
        """Steps, weights added and motions found so far."""
        return {name: str(count) for name, count in sorted(self._told.items())}


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(DelayMotionNode, args)
