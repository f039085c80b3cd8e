"""Any NIR file in a slot, by a mapping of its input and output (slot by parameter)."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from actuator_msgs.msg import Actuators
from geometry_msgs.msg import TwistStamped
from numpy.typing import NDArray
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from spikeloop.events.array import Events, Triggers
from spikeloop.events.representations.histogram import histogram
from spikeloop.loop.health import Level
from spikeloop.msg import LoopCost, SpikeRecord
from spikeloop.nodes.event_node import EventNode, Output
from spikeloop.nodes.event_packets import bytes_of
from spikeloop.nodes.messages import Message, numbers_of
from spikeloop.nodes.running import run_node
from spikeloop.nodes.slot import InputError, SlotNode
from spikeloop.parameters import parameter

if TYPE_CHECKING:
    from spikeloop.snn.interchange.streaming import Answer, NirStream

COST, SPIKES = "loop/cost", "loop/spikes"
OUTPUTS = {
    "cmd_vel": ("controller", "cmd_vel_raw"),
    "actuators": ("controller", "actuators_raw"),
    "flow": ("flow", "perception/flow"),
    "detections": ("detection", "perception/detections"),
    "motion_mask": ("motion", "perception/motion_mask"),
}
"""Slot and topic of each kind of output."""
FIELDS = ("linear.x", "linear.y", "linear.z", "angular.x", "angular.y", "angular.z")
EVENTS = "event_camera/events"
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class NirNetworkConfig:
    """The file, what goes in, and what comes out."""

    file: str = parameter("", "NIR file; it must be given.", fixed=True)
    dt: float = parameter(
        0.0, "Time step of the network; 0 for the file's own.", unit="s", low=0.0, fixed=True
    )
    resets: str = parameter(
        "file",
        "Reset of its neurons; file for that which the file keeps, else hard.",
        choices=("file", "hard", "soft", "none"),
        fixed=True,
    )
    slot: str = parameter(
        "controller",
        "Slot that it fills; it must be that of the output.",
        choices=("controller", "flow", "detection", "motion"),
        fixed=True,
    )
    topics: tuple[str, ...] = parameter(
        ("imu/data",),
        "Inputs: topics whose numbers are joined, the one that sets the pace first; or only "
        "event_camera/events, whose events are counted by polarity and pixel.",
        fixed=True,
    )
    fields: tuple[int, ...] = parameter(
        (), "Indices of the joined numbers that the network gets; none for all.", low=0, fixed=True
    )
    offset: tuple[float, ...] = parameter(
        (0.0,), "What is taken off the numbers first; one for all, or one each.", fixed=True
    )
    scale: tuple[float, ...] = parameter(
        (1.0,), "What they are then multiplied by; one for all, or one each.", fixed=True
    )
    encoding: str = parameter(
        "direct",
        "How they go in: direct, signs (positive parts, then negative), rate (as probability).",
        choices=("direct", "signs", "rate"),
        fixed=True,
    )
    downsample: int = parameter(
        1, "Columns and rows of the sensor that are one place.", low=1, high=64, fixed=True
    )
    steps: int = parameter(1, "Time steps of the network an input.", low=1, high=1000, fixed=True)
    output: str = parameter("cmd_vel", "What its output is.", choices=tuple(OUTPUTS), fixed=True)
    output_fields: tuple[str, ...] = parameter(
        ("linear.x",),
        f"For cmd_vel: what each output is, of {', '.join(FIELDS)}.",
        choices=FIELDS,
        fixed=True,
    )
    output_scale: tuple[float, ...] = parameter(
        (1.0,), "What the outputs are multiplied by; one for all, or one each.", fixed=True
    )
    output_offset: tuple[float, ...] = parameter(
        (0.0,), "What is then added; one for all, or one each.", fixed=True
    )
    threshold: float = parameter(
        0.5, "Least output of a detection and of a pixel of the mask.", fixed=True
    )
    engine: bool = parameter(
        False,
        "Run by the event-driven engine; its cost is then told for the output layer only.",
        fixed=True,
    )
    period: float = parameter(
        0.0, "Time between answers, by stamps; 0 for each input.", unit="s", low=0.0, fixed=True
    )

    def __post_init__(self) -> None:
        """Refuse inputs and outputs that don't go together.

        Raises:
            ValueError: the slot isn't the output's, or events are mixed with numbers.

        """
        if OUTPUTS[self.output][0] != self.slot:
            raise ValueError(
                f"output '{self.output}' belongs to slot '{OUTPUTS[self.output][0]}', "
                f"not to '{self.slot}'; set 'slot'"
            )
        if not self.topics or (EVENTS in self.topics and len(self.topics) > 1):
            raise ValueError(f"topics {self.topics} must be {EVENTS} alone, or others")


class _OfConfig:
    """The slot of a node by its config; of the class, that of the default."""

    def __get__(self, node: Any, kind: Any) -> str:
        config = getattr(node, "config", None)
        return NirNetworkConfig.slot if config is None else str(config.slot)


class NirNetworkNode(EventNode):
    """Numbers or events in, commands or perception out, with the cost of every answer."""

    slot = _OfConfig()
    other_slots = ("flow", "detection", "motion")
    text = "Any network in a NIR file, by a mapping of its input and output; slot by parameter."
    config_type = NirNetworkConfig
    config: NirNetworkConfig

    @classmethod
    def source_of(cls, config: NirNetworkConfig) -> str:
        """The first topic, which sets the pace."""
        return config.topics[0]

    @classmethod
    def wiring(
        cls, config: NirNetworkConfig
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Topics by the parameters."""
        return (OUTPUTS[config.output][1], COST, SPIKES), config.topics, config.topics

    def wire(self) -> None:
        """Take the topics from the parameters."""
        super().wire()
        self.publishes, _, joins = self.wiring(self.config)
        self.by_events = self.config.topics == (EVENTS,)
        if not self.by_events:
            self.joins, self.subscribes = joins, ()

    # --- lifecycle -----------------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read the file."""
        from spikeloop.snn.interchange.nir_file import NIRError
        from spikeloop.snn.interchange.streaming import NirStream

        c = self.config
        try:
            if not c.file:
                raise NIRError("none is given")
            resets = None if c.resets == "file" else c.resets
            self.stream: NirStream = NirStream(
                c.file,
                c.dt or None,
                resets,
                steps=c.steps,
                encoding=c.encoding,
                engine=c.engine,
            )
            self._check_output()
        except NIRError as error:
            self.diagnoser.report(Level.ERROR, f"parameter 'file': {error}")
            return TransitionCallbackReturn.FAILURE
        return super().on_configure(state)

    def _check_output(self) -> None:
        from spikeloop.snn.interchange.nir_file import NIRError

        shape, c = self.stream.output_shape, self.config
        names = len(c.output_fields)
        wanted = {
            "cmd_vel": (shape == (names,), f"({names},), one for each of output_fields"),
            "actuators": (len(shape) == 1, "(actuators,)"),
            "flow": (len(shape) == 3 and shape[0] == 2, "(2, rows, columns)"),
            "detections": (len(shape) == 1, "(classes,)"),
            "motion_mask": (len(shape) == 3 and shape[0] == 1, "(1, rows, columns)"),
        }
        fits, text = wanted[c.output]
        if not fits:
            raise NIRError(
                f"{c.file}: its network gives an output of shape {shape}; "
                f"output '{c.output}' needs {text}"
            )

    def reset(self) -> None:
        """Bring the network to rest."""
        self.stream.reset()
        self._parts: list[Events] = []
        self._sensor = (0, 0)

    def stream_restarted(self) -> None:
        """Forget what came before."""
        self.reset()

    def _warm_up(self) -> None:
        self.reset()

    # --- inputs --------------------------------------------------------------------------------

    def answer(self, stamp_ns: int, inputs: dict[str, Message]) -> dict[str, Message]:
        """One answer to the newest numbers, or to all events since the last one."""
        if self.by_events:
            return super().answer(stamp_ns, inputs)
        for name in self.config.topics:
            if name not in inputs:
                raise InputError(f"{name}: none has come yet")
        joined = [numbers_of(inputs[name]) for name in self.config.topics]
        numbers = np.concatenate([np.asarray(each, np.float32) for each in joined])
        return {out.topic: out.message for out in self._outputs(self._chosen(numbers), stamp_ns)}

    def on_message(self, name: str, message: Message) -> None:
        """Take a packet of events; numbers are joined."""
        if self.by_events:
            super().on_message(name, message)

    def _join_by_stamp(self, name: str, stamp_ns: int, message: Message, received: int) -> None:
        if self.by_events:
            super()._join_by_stamp(name, stamp_ns, message, received)
        else:
            SlotNode._join_by_stamp(self, name, stamp_ns, message, received)

    def feed(self, events: Events, triggers: Triggers, stamp_ns: int) -> list[Output]:
        """Keep events, and answer them when it is due."""
        from spikeloop.events.array import joined

        self._parts.append(events)
        if self.lockstep is None and not self._is_due(stamp_ns):
            return []
        whole, self._parts = joined(self._parts), []
        return self._outputs(self._picture(whole), stamp_ns)

    def _chosen(self, numbers: Floats) -> Floats:
        c = self.config
        if c.fields:
            if max(c.fields) >= len(numbers):
                raise InputError(f"fields: there are {len(numbers)} numbers, not {max(c.fields)}")
            numbers = numbers[list(c.fields)]
        for name in ("offset", "scale"):
            if len(getattr(c, name)) not in (1, len(numbers)):
                raise InputError(
                    f"parameter '{name}' has {len(getattr(c, name))} numbers for {len(numbers)}"
                )
        offset, scale = (np.array(each, np.float32) for each in (c.offset, c.scale))
        chosen: Floats = (numbers - offset) * scale
        return chosen

    def _picture(self, events: Events) -> Floats:
        """Counts (2, rows, columns), the middle of the sensor as large as the network wants."""
        by = self.config.downsample
        self._sensor = (events.width, events.height)
        counts = histogram(events)
        rows, columns = counts.shape[1] // by, counts.shape[2] // by
        if min(rows, columns) < 1:
            raise InputError(f"a sensor of {events.width}x{events.height} is less than one place")
        fitted = counts[:, : rows * by, : columns * by]
        small = fitted.reshape(2, rows, by, columns, by).sum((2, 4))
        shape = self.stream.input_shape
        if len(shape) == 3 and shape[1] <= rows and shape[2] <= columns:
            top, left = (rows - shape[1]) // 2, (columns - shape[2]) // 2
            small = small[:, top : top + shape[1], left : left + shape[2]]
        picture: Floats = small.astype(np.float32)
        return picture

    # --- outputs -------------------------------------------------------------------------------

    def _outputs(self, values: Floats, stamp_ns: int) -> list[Output]:
        from spikeloop.metrics.synaptic_operations import OperationCounter
        from spikeloop.snn.interchange.nir_file import NIRError

        with OperationCounter(self.stream.network) as counter:
            try:
                answer = self.stream.feed(values)
            except NIRError as error:
                raise InputError(str(error)) from error
        output = answer.output
        for what, name in ((np.multiply, "output_scale"), (np.add, "output_offset")):
            given = np.array(getattr(self.config, name), np.float32)
            if len(given) not in (1, len(output)):
                raise InputError(f"parameter '{name}' has {len(given)} numbers for {len(output)}")
            output = what(output, given.reshape(-1, *(1,) * (output.ndim - 1)))
        made = self._message(output)
        counted = counter.operations()
        return [
            Output(OUTPUTS[self.config.output][1], made, stamp_ns),
            Output(COST, self._cost(answer, counted), stamp_ns),
            Output(SPIKES, self._spikes(answer), stamp_ns),
        ]

    def _message(self, output: Floats) -> Message:
        makers = {
            "cmd_vel": self._twist,
            "actuators": lambda o: Actuators(normalized=array("d", o.astype(float).tolist())),
            "flow": self._flow,
            "detections": self._detections,
            "motion_mask": self._mask,
        }
        message = makers[self.config.output](output)
        if self.by_events:
            message.header.frame_id = self.reader.frame_id
        return message

    def _twist(self, output: Floats) -> TwistStamped:
        message = TwistStamped()
        for name, value in zip(self.config.output_fields, output.tolist(), strict=True):
            part, axis = name.split(".")
            setattr(getattr(message.twist, part), axis, value)
        return message

    def _flow(self, output: Floats) -> Image:
        pixels = np.ascontiguousarray(output.transpose(1, 2, 0), "<f4")
        height, width = pixels.shape[:2]
        image = Image(height=height, width=width, encoding="32FC2", step=8 * width)
        image.data = bytes_of(pixels.reshape(-1).view(np.uint8))
        return image

    def _mask(self, output: Floats) -> Image:
        pixels = np.where(output[0] >= self.config.threshold, 255, 0).astype(np.uint8)
        height, width = pixels.shape
        image = Image(height=height, width=width, encoding="mono8", step=width)
        image.data = bytes_of(np.ascontiguousarray(pixels).reshape(-1))
        return image

    def _detections(self, output: Floats) -> Detection2DArray:
        """The strongest class, if it reaches the threshold, as one box as large as the sensor."""
        message = Detection2DArray()
        best = int(output.argmax())
        if output[best] < self.config.threshold:
            return message
        found = Detection2D()
        width, height = self._sensor
        found.bbox.center.position.x, found.bbox.center.position.y = width / 2, height / 2
        found.bbox.size_x, found.bbox.size_y = float(width), float(height)
        hypothesis = ObjectHypothesisWithPose()
        hypothesis.hypothesis.class_id, hypothesis.hypothesis.score = str(best), float(output[best])
        found.results = [hypothesis]
        message.detections = [found]
        return message

    def _cost(self, answer: Answer, counted: Any) -> LoopCost:
        from spikeloop.metrics.energy import operation_energy

        modelled = operation_energy(counted)
        return LoopCost(
            node=self.get_fully_qualified_name(),
            spikes=answer.spikes,
            accumulates=round(counted.acs),
            multiply_accumulates=round(counted.macs),
            energy=modelled.joules,
            energy_model=modelled.model,
        )

    def _spikes(self, answer: Answer) -> SpikeRecord:
        sizes = self.stream.sizes
        names = self.stream.layers if len(sizes) == len(self.stream.layers) else ["output"]
        potentials = answer.last.flatten()[:64].tolist()
        return SpikeRecord(
            node=self.get_fully_qualified_name(),
            layers=names[: len(sizes)],
            sizes=sizes,
            fired=answer.fired.tolist(),
            outputs=[str(k) for k in range(len(potentials))],
            potentials=potentials,
        )

    def empty(self, name: str) -> Message:
        """No command, no detection, a picture without pixels."""
        return SlotNode.empty(self, name)

    def figures(self) -> dict[str, str]:
        """Why there is no event-driven form, if there is none."""
        return {"engine": self.stream.reason} if self.stream.reason else {}


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(NirNetworkNode, args)
