"""Bodies that swim: Gymnasium's Swimmer with any number of links, dm_control's where installed.

Physics in MuJoCo, many episodes at once. What an episode gives equals what `Swimmer-v5` gives
for the same actions (a test); its XML is read from the installed package.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import gymnasium
import mujoco
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EPISODE = 1000
"""Decisions of an episode, in both suites."""
START_NOISE = 0.1
CONTROL_COST = 1e-4
DM_SPEED = 0.1
"""m/s from which on dm_control's swimmer gets its whole reward."""


@dataclass(frozen=True)
class Body:
    """A swimmer.

    Attributes:
        name: "gymnasium" or "dm_control", and its number of links.
        model: MuJoCo's.
        substeps: of the physics in a decision.
        rewarded: "distance" as in Gymnasium's Swimmer: speed along x less the control's cost;
            "speed" as in the paper: 1 from 0.1 m/s forwards on, in proportion below.

    """

    name: str
    model: Any
    substeps: int
    rewarded: str

    @property
    def joints(self) -> int:
        """Number of motors."""
        return int(self.model.nu)

    @property
    def period_s(self) -> float:
        """Time of a decision."""
        return float(self.substeps * self.model.opt.timestep)

    @property
    def observations(self) -> int:
        """Values that a network without a circuit sees: posture and all velocities."""
        return int(self.model.nq + self.model.nv - (2 if self.rewarded == "distance" else 3))


class BodyError(ValueError):
    """A body that there isn't; the message says which there are."""


def body_of(suite: str, links: int) -> Body:
    """A body.

    Args:
        suite: "gymnasium" or "dm_control".
        links: 3 or more for Gymnasium's, 2 or more for dm_control's.

    Raises:
        BodyError: no such suite or length, or dm_control isn't installed.

    """
    if suite == "gymnasium":
        if links < 3:
            raise BodyError(f"Gymnasium's swimmer has at least 3 links, not {links}")
        text = _lengthened(links)
        model = mujoco.MjModel.from_xml_string(text)
        return Body(f"gymnasium {links}", model, 4, "distance")
    if suite == "dm_control":
        return _dm_body(links)
    raise BodyError(f"unknown suite '{suite}'; there are: gymnasium, dm_control")


def _lengthened(links: int) -> str:
    """Gymnasium's own XML, the last link repeated."""
    source = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / "swimmer.xml"
    root = ElementTree.fromstring(source.read_text(encoding="utf-8"))
    parent = root.find(".//body[@name='back']")
    motors = root.find("actuator")
    if parent is None or motors is None:
        raise BodyError(f"{source}: has no body 'back' or no actuators")
    for index in range(3, links):
        name = f"motor{index}_rot"
        link = ElementTree.SubElement(parent, "body", name=f"link{index}", pos="-1 0 0")
        geom, joint, motor = (
            dict(parent.find("geom").attrib),  # type: ignore[union-attr]
            dict(parent.find("joint").attrib),  # type: ignore[union-attr]
            dict(motors[0].attrib),
        )
        ElementTree.SubElement(link, "geom", geom)
        ElementTree.SubElement(link, "joint", joint | {"name": name})
        ElementTree.SubElement(motors, "motor", motor | {"joint": name})
        parent = link
    return ElementTree.tostring(root, encoding="unicode")


def _dm_body(links: int) -> Body:
    if links < 2:
        raise BodyError(f"dm_control's swimmer has at least 2 links, not {links}")
    try:
        from dm_control.suite import swimmer
    except ImportError as error:
        raise BodyError(
            "dm_control isn't installed; install the extra 'swimmers' of spikeloop"
        ) from error
    text, assets = swimmer.get_model_and_assets(links)
    model = mujoco.MjModel.from_xml_string(text, assets=assets)
    return Body(f"dm_control {links}", model, round(0.03 / model.opt.timestep), "speed")


class Pool:
    """Episodes of one body that go on together."""

    def __init__(self, body: Body, seeds: NDArray[np.int64]) -> None:
        """Put each swimmer at the start of its seed, as the environments do."""
        self.body = body
        model = body.model
        self._data = mujoco.MjData(model)
        size = mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS)
        self._state = np.zeros((len(seeds), size))
        self._place = slice(1, 1 + model.nq)
        self._speed = slice(1 + model.nq, 1 + model.nq + model.nv)
        for row, seed in enumerate(seeds):
            position, speed = _start(body, int(seed))
            self._state[row, self._place], self._state[row, self._speed] = position, speed

    @property
    def joints(self) -> Floats:
        """Angles of the joints from head to tail, (n, joints) rad."""
        return self._state[:, self._place][:, 3:]

    @property
    def observation(self) -> Floats:
        """Posture and velocities, (n, observations).

        Of Gymnasium's as Swimmer-v5 gives them; of dm_control's, which starts in any heading, the
        joints, the velocity along and across the head, and all rates of turn.
        """
        if self.body.rewarded == "distance":
            return self._state[:, 3 : self._speed.stop]
        along, across = self._ahead()
        rates = self._state[:, self._speed]
        return np.column_stack([self.joints, along / DM_SPEED, across / DM_SPEED, rates[:, 2:]])

    def _ahead(self) -> tuple[Floats, Floats]:
        """Velocity of dm_control's head, which looks along its -y: forwards, and along its x."""
        rates, turn = self._state[:, self._speed], self._state[:, self._place][:, 2]
        sine, cosine = np.sin(turn), np.cos(turn)
        return rates[:, 0] * sine - rates[:, 1] * cosine, rates[:, 0] * cosine + rates[:, 1] * sine

    def step(self, actions: Floats, roll: Any) -> Floats:
        """One decision of all; rewards (n,).

        Args:
            actions: (n, joints), -1 to 1.
            roll: a `mujoco.rollout.Rollout` without threads.

        """
        body = self.body
        before = self._state[:, 1].copy()
        given = np.repeat(np.clip(actions, -1.0, 1.0)[:, None], body.substeps, 1)
        states, _ = roll.rollout(body.model, self._data, self._state, given)
        self._state = states[:, -1].copy()
        if body.rewarded == "distance":
            speed = (self._state[:, 1] - before) / body.period_s
            return np.asarray(speed - CONTROL_COST * (actions**2).sum(1))
        return np.asarray(np.clip(self._ahead()[0] / DM_SPEED, 0.0, 1.0))


def _start(body: Body, seed: int) -> tuple[Floats, Floats]:
    random = np.random.default_rng(seed)
    model = body.model
    if body.rewarded == "distance":
        position = model.qpos0 + random.uniform(-START_NOISE, START_NOISE, model.nq)
        return position, random.uniform(-START_NOISE, START_NOISE, model.nv)
    position = model.qpos0.copy()
    position[2] = random.uniform(-math.pi, math.pi)
    limit = model.jnt_range[3:]
    position[3:] = random.uniform(limit[:, 0], limit[:, 1])
    return position, np.zeros(model.nv)
