"""Quick compiled plants for searches: the vertical motion of the blimps, and nothing else.

The MuJoCo blimp is taken as level and not turning: what is left of MuJoCo's ellipsoid fluid model
(drag, viscosity and Kutta lift of the envelope and of the fins, as its documentation gives them)
acts on a point mass with the mass of the air that moves along. Its motion along the ground hardly
depends on the thruster, so it is computed once a sequence and given. The identified blimp is its
recurrence, exactly. Constants come from the environments themselves. Results are always measured
on the environments; a test holds the two together.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import Any

import gymnasium
import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikeloop.control.pid.config import PidConfig
from spikeloop.control.pid.flying import PLANTS
from spikeloop.metrics.step_response import Flight

Floats = NDArray[np.float64]

DECISION_S = 0.1
SUBSTEPS = 5
HOLD_DECISIONS = 250
SETPOINTS = 4
DECISIONS = HOLD_DECISIONS * SETPOINTS
SETPOINT_LOW_M, SETPOINT_HIGH_M, STEP_LEAST_M = 1.0, 3.0, 0.5

# Layout of the constants of the MuJoCo blimp; the identified one has its recurrence, and the
# resolution of its altimeter.
(
    _MASS,
    _RISING,
    _FALLING,
    _UP,
    _DOWN,
    _DENSITY,
    _VISCOSITY,
    _FACE_X,
    _FACE_Z,
    _FLOOR,
    _START,
    _RESOLUTION,
    _NEAREST,
    _FARTHEST,
) = range(14)
STATE = 4
SKID_M = 0.12
"""Height of the altimeter when the skid stands on the floor."""


@dataclass(frozen=True)
class Sequences:
    """Random flights to come: set-points, what disturbs them, and the altimeter's noise.

    Attributes:
        setpoint_m: (n, 1000) m.
        offset: (n,) buoyancy offset or bias, a fraction of the largest command.
        noise_m: (n, 1001) error of the altimeter at each decision before rounding, m.
        air: (n, 5000, 3) velocity of the air relative to a blimp that stands still vertically,
            m/s; of length 1 where the plant has no air.

    """

    setpoint_m: Floats
    offset: Floats
    noise_m: Floats
    air: Floats


class Plant:
    """One of `PLANTS` as constants for the compiled rollouts."""

    def __init__(self, name: str) -> None:
        """Read the constants off the environment.

        Raises:
            ValueError: there is no such plant.

        """
        if name not in PLANTS:
            raise ValueError(f"unknown plant '{name}'; there are: {', '.join(PLANTS)}")
        self.name = name
        environment = gymnasium.make(PLANTS[name])
        robot: Any = environment.unwrapped
        self._config = robot.robot.config
        self.is_blimp = name == "blimp"
        if self.is_blimp:
            self.constants = self._blimp_constants(robot.robot)
            shapes, counts = np.unique(robot.robot.fluid_shapes(), axis=0, return_counts=True)
            self.shapes = np.column_stack([counts.astype(np.float64), shapes])
            self._along = robot.robot.moved_mass()[0]
        else:
            resolution = self._config.altimeter_resolution
            self.constants = np.array([*robot.robot.recurrence, resolution])
            self.shapes = np.zeros((1, 7))
        environment.close()

    def _blimp_constants(self, robot: Any) -> Floats:
        config, step_s = self._config, DECISION_S / SUBSTEPS
        values = np.zeros(14)
        values[_MASS] = robot.moved_mass()[1]
        values[_RISING] = 1.0 - math.exp(-step_s / config.lag_rising)
        values[_FALLING] = 1.0 - math.exp(-step_s / config.lag_falling)
        values[_UP], values[_DOWN] = config.thrust_up, config.thrust_down
        values[_DENSITY], values[_VISCOSITY] = robot.model.opt.density, robot.model.opt.viscosity
        values[_FACE_X], _, values[_FACE_Z] = robot.gondola_faces()
        values[_FLOOR], values[_START] = SKID_M, config.start_altitude
        values[_RESOLUTION] = config.altimeter_resolution
        values[_NEAREST], values[_FARTHEST] = config.altimeter_min, config.altimeter_max
        return values

    def draw(self, count: int, random: np.random.Generator, wide: float = 0.0) -> Sequences:
        """New sequences, distributed as the environment draws its episodes.

        Args:
            count: how many.
            random: what they are drawn from.
            wide: share of them, the first ones, whose set-points go to and fro between the ends
                of the range: steps of 2 m, which the environment hardly ever draws.

        """
        config = self._config
        magnitude = random.uniform(config.offset_low, config.offset_high, count)
        offset = magnitude * random.choice((-1.0, 1.0), count)
        noise = config.altimeter_noise * random.standard_normal((count, DECISIONS + 1))
        levels = _draw_setpoints(count, random)
        for row in range(round(wide * count)):
            ends = (SETPOINT_LOW_M, SETPOINT_HIGH_M) * (SETPOINTS // 2)
            levels[row] = ends if random.random() < 0.5 else ends[::-1]
        setpoints = np.repeat(levels, HOLD_DECISIONS, axis=1)
        if not self.is_blimp:
            return Sequences(setpoints, offset, noise, np.zeros((count, 1, 3)))
        step_s = DECISION_S / SUBSTEPS
        decay = math.exp(-step_s / config.gust_time_constant)
        kicks = random.standard_normal((count, DECISIONS * SUBSTEPS + 1, 3))
        kicks[:, 1:] *= math.sqrt(1.0 - decay**2)
        gusts = _low_pass(kicks, decay)[:, 1:] * np.array(config.gust) + np.array(config.wind)
        air = self.relative_air(gusts)
        return Sequences(setpoints, offset, noise, air)

    def relative_air(self, gusts: Floats) -> Floats:
        """Velocity of the air relative to the blimp, which it carries along the ground.

        Args:
            gusts: (n, substeps, 3) velocity of the air, m/s.

        """
        return np.asarray(_carried(gusts, self._along, self.constants, self.shapes))


def _draw_setpoints(count: int, random: np.random.Generator) -> Floats:
    drawn = random.uniform(SETPOINT_LOW_M, SETPOINT_HIGH_M, (count, SETPOINTS))
    for index in range(1, SETPOINTS):
        while True:
            near = np.abs(drawn[:, index] - drawn[:, index - 1]) < STEP_LEAST_M
            if not near.any():
                break
            drawn[near, index] = random.uniform(SETPOINT_LOW_M, SETPOINT_HIGH_M, near.sum())
    return np.asarray(drawn)


@njit()
def _low_pass(kicks, decay):  # type: ignore[no-untyped-def]
    for n in range(kicks.shape[0]):
        for t in range(1, kicks.shape[1]):
            for axis in range(3):
                kicks[n, t, axis] += decay * kicks[n, t - 1, axis]
    return kicks


@njit(inline="always")
def _force(c, shapes, vx, vy, vz):  # type: ignore[no-untyped-def]
    """Force of the air on the shapes that move through it with (vx, vy, vz), N.

    Rows of shapes: how many, three half axes, drag coefficients (blunt, slender), lift (Kutta).
    """
    # The gondola is a box.
    fx = -0.5 * c[_DENSITY] * c[_FACE_X] * abs(vx) * vx
    fy, fz = 0.0, -0.5 * c[_DENSITY] * c[_FACE_Z] * abs(vz) * vz
    speed = math.sqrt(vx * vx + vy * vy + vz * vz)
    if speed < 1e-9:
        return fx, fy, fz
    for n in range(shapes.shape[0]):
        x, y, z = shapes[n, 1], shapes[n, 2], shapes[n, 3]
        nx, ny, nz = (y * z) ** 2 * vx, (z * x) ** 2 * vy, (x * y) ** 2 * vz
        numerator = nx * vx + ny * vy + nz * vz
        denominator = (y * z) ** 2 * nx * vx + (z * x) ** 2 * ny * vy + (x * y) ** 2 * nz * vz
        area = math.pi * math.sqrt(denominator / numerator)
        longest, shortest = max(x, y, z), min(x, y, z)
        widest = math.pi * longest * (x + y + z - longest - shortest)
        diameter = 2.0 / 3.0 * (x + y + z)
        drag = 3.0 * math.pi * diameter * c[_VISCOSITY] + c[_DENSITY] * speed * (
            area * shapes[n, 4] + shapes[n, 5] * (widest - area)
        )
        # Lift along v x (n x v): the part of n across v.
        lift = shapes[n, 6] * c[_DENSITY] * area * numerator / (speed * denominator)
        ax, ay, az = ny * vz - nz * vy, nz * vx - nx * vz, nx * vy - ny * vx
        fx += shapes[n, 0] * (lift * (ay * vz - az * vy) - drag * vx)
        fy += shapes[n, 0] * (lift * (az * vx - ax * vz) - drag * vy)
        fz += shapes[n, 0] * (lift * (ax * vy - ay * vx) - drag * vz)
    return fx, fy, fz


@njit()
def _carried(gusts, along, c, shapes):  # type: ignore[no-untyped-def]
    air = np.empty_like(gusts)
    step = DECISION_S / SUBSTEPS
    for n in range(gusts.shape[0]):
        vx, vy = 0.0, 0.0
        for t in range(gusts.shape[1]):
            wx, wy, wz = gusts[n, t, 0], gusts[n, t, 1], gusts[n, t, 2]
            fx, fy, _ = _force(c, shapes, vx - wx, vy - wy, -wz)
            vx += step * fx / along
            vy += step * fy / along
            air[n, t, 0], air[n, t, 1], air[n, t, 2] = wx - vx, wy - vy, wz
    return air


@njit(inline="always")
def start(is_blimp, c, state):  # type: ignore[no-untyped-def]
    """At rest; state (4,) is height, climb rate, drive of the thruster, or three of the past."""
    state[:] = 0.0
    if is_blimp:
        state[0] = c[_START]


@njit(inline="always")
def measure(is_blimp, c, state, noise):  # type: ignore[no-untyped-def]
    """What the altimeter says, m."""
    if not is_blimp:
        return round((state[0] + noise) / c[5]) * c[5]
    if state[0] < c[_NEAREST]:
        return c[_NEAREST]
    seen = round((state[0] + noise) / c[_RESOLUTION]) * c[_RESOLUTION]
    return min(max(seen, c[_NEAREST]), c[_FARTHEST])


@njit(inline="always")
def advance(is_blimp, c, shapes, state, command, offset, air, first):  # type: ignore[no-untyped-def]
    """0.1 s of flight, in place; the height is state[0], in m.

    Args:
        is_blimp: which of the plants.
        c: its constants.
        shapes: (n, 7), see `_force`.
        state: (4,).
        command: within -1 and 1.
        offset: as `Sequences.offset`.
        air: (substeps, 3) of this sequence.
        first: index of the first substep in `air`.

    """
    if not is_blimp:
        applied = c[4] * (command + offset)
        for _ in range(3):
            height = c[0] * state[0] + c[1] * state[1] + c[2] * applied + c[3] * state[2]
            state[1], state[0], state[2] = state[0], height, applied
        return
    step = DECISION_S / SUBSTEPS
    lift = offset * c[_UP]
    z, v, drive = state[0], state[1], state[2]
    for t in range(first, first + SUBSTEPS):
        drive += (c[_RISING] if command > drive else c[_FALLING]) * (command - drive)
        thrust = drive * (c[_UP] if drive > 0.0 else c[_DOWN])
        _, _, force = _force(c, shapes, -air[t, 0], -air[t, 1], v - air[t, 2])
        v += step * (thrust + lift + force) / c[_MASS]
        z += step * v
        if z < c[_FLOOR]:
            z, v = c[_FLOOR], 0.0
    state[0], state[1], state[2] = z, v, drive


@njit()
def _start_one(is_blimp, c, state):  # type: ignore[no-untyped-def]
    start(is_blimp, c, state)


@njit()
def _measure_one(is_blimp, c, state, noise):  # type: ignore[no-untyped-def]
    return measure(is_blimp, c, state, noise)


@njit()
def _advance_one(is_blimp, c, shapes, state, command, offset, air, first):  # type: ignore[no-untyped-def]
    advance(is_blimp, c, shapes, state, command, offset, air, first)


class SingleFlight:
    """One sequence, flown decision by decision."""

    def __init__(self, plant: Plant, sequences: Sequences, index: int) -> None:
        """Start at rest."""
        self._plant = plant
        self._setpoint, self._noise = sequences.setpoint_m[index], sequences.noise_m[index]
        self._offset, self._air = float(sequences.offset[index]), sequences.air[index]
        self._state = np.empty(STATE)
        self._decision = 0
        _start_one(plant.is_blimp, plant.constants, self._state)

    @property
    def altitude(self) -> float:
        """True altitude now, m."""
        return float(self._state[0])

    @property
    def setpoint(self) -> float:
        """Set-point now, m."""
        return float(self._setpoint[self._decision])

    @property
    def measured(self) -> float:
        """What the altimeter says now, m."""
        noise = self._noise[self._decision]
        plant = self._plant
        return float(_measure_one(plant.is_blimp, plant.constants, self._state, noise))

    def advance(self, command: float) -> None:
        """0.1 s with a command within -1 and 1."""
        _advance_one(
            self._plant.is_blimp,
            self._plant.constants,
            self._plant.shapes,
            self._state,
            command,
            self._offset,
            self._air,
            self._decision * SUBSTEPS,
        )
        self._decision += 1


@njit(nogil=True)
def _fly_pid(  # type: ignore[no-untyped-def]
    gains, is_blimp, c, shapes, setpoint, offset, noise, air, altitude, command, errors, parts
):
    """`spikeloop.control.pid.pid.Pid` on all sequences; a test holds the two together."""
    kp, ki, kd, smooth, low, high, period = gains
    state = np.empty(STATE)
    for s in range(setpoint.shape[0]):
        start(is_blimp, c, state)
        integral, slope, before = 0.0, 0.0, 0.0
        for t in range(setpoint.shape[1]):
            seen = measure(is_blimp, c, state, noise[s, t])
            error = setpoint[s, t] - seen
            if t > 0:
                slope = (smooth * slope + (seen - before)) / (smooth + period)
            before = seen
            direct = kp * error - kd * slope
            increment = ki * error * period
            wanted = direct + integral + increment
            if not ((wanted > high and increment > 0.0) or (wanted < low and increment < 0.0)):
                integral = min(max(integral + increment, low), high)
            u = min(max(direct + integral, low), high)
            altitude[s, t], command[s, t], errors[s, t] = state[0], u, error
            parts[s, 0, t], parts[s, 1, t] = direct, integral
            advance(is_blimp, c, shapes, state, u, offset[s], air[s], t * SUBSTEPS)


def fly_reference(
    plant: Plant, config: PidConfig, sequences: Sequences
) -> tuple[list[Flight], Floats, Floats]:
    """The PID on sequences, compiled.

    Returns:
        The flights; the errors that it saw, (n, 1000) m; and its parts before saturation,
        (n, 2, 1000): proportional and derivative term, and integral term.

    """
    shape = sequences.setpoint_m.shape
    altitude, command, errors = np.empty(shape), np.empty(shape), np.empty(shape)
    parts = np.empty((shape[0], 2, shape[1]))
    _fly_pid(
        astuple(config),
        plant.is_blimp,
        plant.constants,
        plant.shapes,
        sequences.setpoint_m,
        sequences.offset,
        sequences.noise_m,
        sequences.air,
        altitude,
        command,
        errors,
        parts,
    )
    times = np.arange(shape[1], dtype=np.float64) * DECISION_S
    flights = [
        Flight(times, *row) for row in zip(sequences.setpoint_m, altitude, command, strict=True)
    ]
    return flights, errors, parts
