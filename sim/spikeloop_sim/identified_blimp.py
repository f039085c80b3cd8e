"""The plant identified from a real blimp: height over motor command as a linear recurrence.

    h_k = 1.990293 h_(k-1) - 0.990312 h_(k-2) - 0.00096943 u_(k-1) + 0.00101877 u_(k-2)

at 30 Hz (blimp of Gonzalez-Alvarez et al. 2021, arXiv 2110.00646; used as second plant for
arXiv 2309.12937). Gain 2.60 m per unit of u, time constants 12.2 and 4.75 s, and a zero in the
right half-plane at 1.49 rad/s: the blimp first moves the wrong way. Usable for |u| <= 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloop.parameters import build_config, parameter
from spikeloop_sim.robot import (
    CommandKind,
    Reading,
    SensorSpec,
    checked_command,
    no_such_topic,
    random_stream,
)
from spikeloop_sim.robots import Order
from spikeloop_sim.sensors import Altimeter

ROBOT = "identified_blimp"
HEIGHT_1, HEIGHT_2 = 1.990293, -0.990312
COMMAND_1, COMMAND_2 = -0.00096943, 0.00101877
COMMAND_LIMIT = 3.0
ALTIMETER_END = 15.0
UPDATES_PER_TICK = 3
TICK_S = 0.1

SENSORS = (SensorSpec("altitude", "range", 1, "altimeter_link"),)


@dataclass(frozen=True)
class IdentifiedBlimpConfig:
    """Bias and altimeter of the identified blimp.

    The bias is a constant input that nobody is told, as a fraction of the largest command; its
    magnitude is drawn between the two bounds, and its sign.
    """

    offset_low: float = parameter(
        0.2, "Least bias, as a fraction of the largest command.", low=0.0, high=0.6
    )
    offset_high: float = parameter(0.3, "Greatest bias, as offset_low.", low=0.0, high=0.6)
    altimeter_noise: float = parameter(
        0.01, "Standard deviation of an altimeter sample.", unit="m", low=0.0, high=1.0
    )
    altimeter_resolution: float = parameter(
        0.001, "Altimeter samples are multiples of this.", unit="m", low=1e-4, high=1.0
    )

    def __post_init__(self) -> None:
        """Refuse bounds in the wrong order."""
        if self.offset_low > self.offset_high:
            raise ValueError(
                f"offset_low ({self.offset_low:g}) is above offset_high ({self.offset_high:g})"
            )


def next_height(height_1: float, height_2: float, command_1: float, command_2: float) -> float:
    """One update of the recurrence (1/30 s): heights in m, commands in the plant's own unit.

    The suffix is the age in updates. Works on scalars and, element by element, on arrays.
    """
    return HEIGHT_1 * height_1 + HEIGHT_2 * height_2 + COMMAND_1 * command_1 + COMMAND_2 * command_2


class IdentifiedBlimp:
    """The identified plant as a `Robot` with one actuator and an altimeter; a tick is 0.1 s.

    Heights are those of the model, 0 where the command balances the bias. The model knows no
    floor, so its altimeter reads negative heights too, to -15 m; no command leads beyond 15 m.
    """

    command_kind: CommandKind = "actuators"
    tick_s = TICK_S
    actuator_names = ("vertical",)
    recurrence = (HEIGHT_1, HEIGHT_2, COMMAND_1, COMMAND_2, COMMAND_LIMIT)

    def __init__(
        self,
        config: IdentifiedBlimpConfig | None = None,
        sensors: Sequence[SensorSpec] = SENSORS,
    ) -> None:
        """Build the plant and reset it with seed 0; parameters are the defaults where None."""
        self.config = config or IdentifiedBlimpConfig()
        self.sensors = tuple(sensors)
        self.reset(0)

    @property
    def safe_command(self) -> NDArray[np.float64]:
        """Motor off, (1,)."""
        return np.zeros(1)

    @property
    def time_s(self) -> float:
        """Time since the reset, s."""
        return self._tick * self.tick_s

    def reset(self, seed: int) -> None:
        """Start an episode at rest at height 0; see `Robot.reset`."""
        random = random_stream(seed, "buoyancy")
        magnitude = random.uniform(self.config.offset_low, self.config.offset_high)
        self.bias = float(magnitude * random.choice((-1.0, 1.0)))
        self._altimeter = Altimeter(
            self.config.altimeter_noise,
            self.config.altimeter_resolution,
            -ALTIMETER_END,
            ALTIMETER_END,
            0.04,
            random_stream(seed, "altitude"),
        )
        self._height = self._height_before = 0.0
        self._input_before = 0.0
        self._tick = 0
        self._sample = self._altimeter.sample(0.0)

    def step(self, command: NDArray[np.float64]) -> None:
        """Advance by 0.1 s; see `Robot.step`."""
        drive = float(checked_command(command, self.actuator_names)[0])
        applied = COMMAND_LIMIT * (drive + self.bias)
        for _ in range(UPDATES_PER_TICK):
            height = next_height(self._height, self._height_before, applied, self._input_before)
            self._height_before, self._height = self._height, height
            self._input_before = applied
        self._tick += 1
        if self._tick % self.sensors[0].period_ticks == 0:
            self._sample = self._altimeter.sample(self._height)

    def read(self, topic: str) -> Reading:
        """The newest sample; see `Robot.read`."""
        if topic != self.sensors[0].topic:
            raise no_such_topic(topic, self.sensors)
        return self._sample

    def truth(self) -> dict[str, float]:
        """The true state now: altitude (m), climb_rate (m/s), buoyancy_offset (fraction)."""
        rate = (self._height - self._height_before) * UPDATES_PER_TICK / self.tick_s
        return {
            "altitude": self._height,
            "climb_rate": rate,
            "buoyancy_offset": self.bias,
        }


def build(order: Order) -> IdentifiedBlimp:
    """As missions order it; see `spikeloop_sim.robots`."""
    order.refuse_world()
    return IdentifiedBlimp(build_config(IdentifiedBlimpConfig, order.parameters, order.owner))
