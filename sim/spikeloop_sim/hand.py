"""A hand of boxes and capsules with a forearm, and ten gestures that it makes.

The hand stands at the origin, fingers up (z), its palm towards +x, where the camera is. Nothing is
simulated but motion: joints follow the gesture's angles.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spikeloop_sim.event_camera.optics import Pose
from spikeloop_sim.worlds import textures

GESTURES = (
    "wave",
    "nod",
    "twist",
    "grasp",
    "pinch",
    "tap",
    "scissors",
    "ripple",
    "circle clockwise",
    "circle anticlockwise",
)
"""Clockwise as the camera sees it."""

FINGERS = ("index", "middle", "ring", "little")
_ROOTS = ((-0.033, 0.045), (-0.011, 0.05), (0.011, 0.047), (0.032, 0.038))
_LENGTHS = (
    (0.042, 0.026, 0.020),
    (0.046, 0.030, 0.021),
    (0.042, 0.028, 0.020),
    (0.033, 0.020, 0.017),
)
_TEXTURE_PX = 128
_OPEN, _CLOSED = 0.1, 1.5


@dataclass(frozen=True)
class Take:
    """How one clip differs from others of its gesture.

    Attributes:
        gesture: index in `GESTURES`.
        period_s: of the gesture's repetition, s.
        phase: where in it the clip begins, in periods.
        amplitude: of all its motion, 1 as usual.
        mirror: 1 for a right hand, -1 for a left one.
        curl: how far resting fingers are bent, rad.
        drift: (3,) slow motion of the whole hand, m/s.
        tilt: (3,) roll, pitch and yaw at which the hand is held, rad.
        eye: the camera.
        lux: light on a white surface, lx.

    """

    gesture: int
    period_s: float
    phase: float
    amplitude: float
    mirror: int
    curl: float
    drift: NDArray[np.float64]
    tilt: NDArray[np.float64]
    eye: Pose
    lux: float


def draw_take(random: np.random.Generator, gesture: int) -> Take:
    """A take at random: tempo, phase, size, side, viewpoint, light."""
    distance, aside, above = random.uniform((0.48, -0.5, -0.4), (0.68, 0.5, 0.4))
    place = distance * np.array(
        [math.cos(aside) * math.cos(above), math.sin(aside) * math.cos(above), math.sin(above)]
    )
    target = random.uniform((0.0, -0.03, -0.01), (0.0, 0.03, 0.05))
    turn = random.uniform(-0.25, 0.25)
    up = np.array([0.0, math.sin(turn), math.cos(turn)])
    return Take(
        gesture=gesture,
        period_s=float(random.uniform(0.4, 0.8)),
        phase=float(random.uniform()),
        amplitude=float(random.uniform(0.75, 1.2)),
        mirror=int(random.choice((-1, 1))),
        curl=float(random.uniform(0.0, 0.35)),
        drift=random.normal(0.0, 0.015, 3),
        tilt=random.normal(0.0, 0.12, 3),
        eye=Pose.looking(place + target, target - (place + target), up),
        lux=float(np.exp(random.uniform(math.log(40.0), math.log(1500.0)))),
    )


class Hand:
    """The model, and its state at any time of a take."""

    def __init__(self, take: Take, random: np.random.Generator) -> None:
        """Build it, with textures and lights at random."""
        self.take = take
        self.model = _model(take.mirror, random)
        self.data = mujoco.MjData(self.model)
        self._at = {
            self.model.joint(k).name: int(self.model.joint(k).qposadr[0])
            for k in range(self.model.njnt)
        }

    def pose(self, time_s: float) -> mujoco.MjData:
        """The state at a time, s; the same object each time."""
        for name, value in angles(self.take, time_s).items():
            self.data.qpos[self._at[name]] = value
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)
        return self.data


def angles(take: Take, time_s: float) -> dict[str, float]:
    """Positions of all joints: m for those that slide, else rad."""
    turn = 2.0 * math.pi * (time_s / take.period_s + take.phase)
    swing, size, kind = math.sin(turn), take.amplitude, GESTURES[take.gesture]
    shift = time_s * take.drift
    found = {"x": shift[0], "y": shift[1], "z": shift[2]}
    found |= {"roll": take.tilt[0], "pitch": take.tilt[1], "yaw": take.tilt[2]}
    bend = dict.fromkeys(FINGERS, take.curl) | {"thumb": take.curl}
    spread = {"index": -0.12, "middle": -0.02, "ring": 0.08, "little": 0.2}
    half = 0.5 * (1.0 - math.cos(turn))  # 0 to 1 and back
    if kind in ("wave", "nod", "twist"):
        joint, reach = {"wave": ("roll", 0.5), "nod": ("pitch", 0.6), "twist": ("yaw", 1.0)}[kind]
        found[joint] += size * reach * swing
    elif kind == "grasp":
        bend = dict.fromkeys(bend, _OPEN + size * 1.2 * half)
    elif kind == "pinch":
        bend |= dict.fromkeys(("index", "thumb"), _OPEN + size * 0.9 * half)
    elif kind == "ripple":
        for k, finger in enumerate(FINGERS):
            bend[finger] = _OPEN + size * 0.55 * (1.0 - math.cos(turn - 0.25 * math.pi * 2 * k))
    else:
        straight = ("index", "middle") if kind == "scissors" else ("index",)
        bend = {name: _OPEN if name in straight else _CLOSED for name in bend}
        if kind == "tap":
            bend["index"] = _OPEN + size * 0.6 * half
        elif kind == "scissors":
            spread |= {"index": -0.02 - 0.3 * size * half, "middle": 0.02 + 0.3 * size * half}
        else:
            # Seen from +x, y grows to the right: clockwise goes right while it is up.
            way = 1.0 if kind == "circle clockwise" else -1.0
            found["y"] += 0.045 * size * way * swing
            found["z"] += 0.045 * size * math.cos(turn)
    for finger in FINGERS:
        found[f"{finger}_spread"] = take.mirror * -spread[finger]
        for joint, share in (("1", 0.9), ("2", 1.1), ("3", 0.7)):
            found[f"{finger}_{joint}"] = share * bend[finger]
    found["thumb_spread"] = take.mirror * (0.75 - 0.3 * bend["thumb"])
    found["thumb_1"], found["thumb_2"] = 0.5 * bend["thumb"], 0.8 * bend["thumb"]
    return found


def _finger(name: str, y: float, z: float, lengths: tuple[float, ...], width: float) -> str:
    """A chain of capsules that bends towards +x."""
    inner = ""
    for k in range(len(lengths), 0, -1):
        length = lengths[k - 1]
        at = f"0 {y:.4f} {z:.4f}" if k == 1 else f"0 0 {lengths[k - 2]:.4f}"
        spread = f'<joint name="{name}_spread" axis="1 0 0"/>' if k == 1 else ""
        inner = (
            f'<body pos="{at}">{spread}<joint name="{name}_{k}" axis="0 1 0"/>'
            f'<geom type="capsule" fromto="0 0 0 0 0 {length:.4f}" material="skin" '
            f'size="{width - 0.0007 * k:.4f}"/>{inner}</body>'
        )
    return inner


def _model(mirror: int, random: np.random.Generator) -> mujoco.MjModel:
    assets: dict[str, bytes] = {}
    tone = random.uniform(0.3, 0.75)
    skin = tone + 0.05 * textures.noise(random, _TEXTURE_PX, 0.8)
    kind = textures.KINDS[int(random.integers(len(textures.KINDS)))]
    cloth = textures.KINDS[int(random.integers(len(textures.KINDS)))]
    pictures = {"skin": skin, "wall": kind(random, _TEXTURE_PX), "cloth": cloth(random, 64)}
    for name, picture in pictures.items():
        buffer = io.BytesIO()
        Image.fromarray(textures.as_bytes(picture)).save(buffer, "PNG")
        assets[f"{name}.png"] = buffer.getvalue()
    materials = "".join(
        f'<texture name="{name}" type="cube" file="{name}.png"/>'
        f'<material name="{name}" texture="{name}" specular="0"/>'
        for name in pictures
    )
    fingers = "".join(
        _finger(name, mirror * y, z, lengths, 0.0095)
        for name, (y, z), lengths in zip(FINGERS, _ROOTS, _LENGTHS, strict=True)
    )
    thumb = _finger("thumb", mirror * -0.038, -0.01, (0.042, 0.03), 0.0105)
    wall = f"{-random.uniform(0.3, 1.2):.3f} {random.uniform(-0.4, 0.4):.3f} 0"
    light = random.uniform((-1.0, -0.8, -1.0), (-0.3, 0.8, -0.1))
    page = _PAGE.format(
        materials=materials, wall=wall, fingers=fingers + thumb, ambient=random.uniform(0.2, 0.45),
        light=" ".join(f"{value:.3f}" for value in light), level=random.uniform(0.3, 0.6),
    )  # fmt: skip
    return mujoco.MjModel.from_xml_string(page, assets)


_PAGE = """
<mujoco>
  <compiler angle="radian"/>
  <default><geom contype="0" conaffinity="0" mass="0.01"/></default>
  <visual>
    <headlight ambient="{ambient:.3f} {ambient:.3f} {ambient:.3f}" diffuse="0 0 0"
      specular="0 0 0"/>
    <quality shadowsize="0" offsamples="0" numslices="12" numstacks="6" numquads="2"/>
    <map znear="0.01" zfar="30"/>
  </visual>
  <asset>{materials}</asset>
  <worldbody>
    <light pos="2 0 2" dir="{light}" directional="true"
      diffuse="{level:.3f} {level:.3f} {level:.3f}"/>
    <body pos="0 0 -0.06">
      <joint name="x" type="slide" axis="1 0 0"/>
      <joint name="y" type="slide" axis="0 1 0"/>
      <joint name="z" type="slide" axis="0 0 1"/>
      <joint name="yaw" axis="0 0 1"/>
      <joint name="pitch" axis="0 1 0"/>
      <joint name="roll" axis="1 0 0"/>
      <geom type="capsule" fromto="0 0 -0.3 0 0 -0.02" size="0.032" material="cloth"/>
      <body pos="0 0 0.06">
        <geom type="box" size="0.012 0.042 0.047" material="skin"/>
        {fingers}
      </body>
    </body>
    <geom type="box" size="0.02 2 2" pos="{wall}" material="wall"/>
  </worldbody>
</mujoco>
"""
