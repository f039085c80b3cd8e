"""A furnished room of about a hundred bodies, for tests and measurements of cameras."""

from __future__ import annotations

import io

import mujoco
import numpy as np
from PIL import Image

from spikeloop_sim.robot import random_stream
from spikeloop_sim.worlds import textures

SIZE = (10.0, 8.0, 3.0)
MOVER = "mover"
_TEXTURE_PX = 256
_COPIES = 3
_PIECES = 60
_PANEL = 2.5


def textured_room(seed: int) -> mujoco.MjModel:
    """A room about the origin, 10 x 8 x 3 m, floor at 0, with one box that can be moved.

    Within 1.1 m of the origin nothing stands. The box hangs on the mocap body `MOVER`, which
    starts at (2.5, -1.2, 1.3).

    Args:
        seed: fixes textures, furniture and light.

    Raises:
        ValueError: the seed is negative.

    """
    random = random_stream(seed, "room")
    assets: dict[str, bytes] = {}
    for kind in textures.KINDS:
        for copy in range(_COPIES):
            buffer = io.BytesIO()
            picture = textures.as_bytes(kind(random, _TEXTURE_PX))
            Image.fromarray(picture).save(buffer, "PNG")
            assets[f"{kind.__name__}{copy}.png"] = buffer.getvalue()
    names = [name.removesuffix(".png") for name in assets]
    materials = "".join(
        f'<texture name="{name}" type="cube" file="{name}.png"/>'
        f'<material name="{name}" texture="{name}" specular="0"/>'
        for name in names
    )
    shell = _shell(random)
    # Furniture first: it is in front, and what is hidden needs no shading.
    bodies = "".join(_piece(random, names) for _ in range(_PIECES)) + shell
    return mujoco.MjModel.from_xml_string(_PAGE.format(materials=materials, bodies=bodies), assets)


_PAGE = """
<mujoco>
  <visual>
    <headlight ambient="0.35 0.35 0.35" diffuse="0.1 0.1 0.1" specular="0 0 0"/>
    <quality shadowsize="0" offsamples="0" numslices="12" numstacks="6" numquads="2"/>
    <map znear="0.01" zfar="30"/>
  </visual>
  <asset>{materials}</asset>
  <worldbody>
    <light pos="1 1 2.9" dir="0 0 -1" directional="true" diffuse="0.4 0.4 0.4"/>
    <light pos="-3 -2 2.9" dir="0.5 0.6 -0.6" directional="true" diffuse="0.3 0.3 0.3"/>
    {bodies}
    <body name="mover" mocap="true" pos="2.5 -1.2 1.3">
      <geom type="box" size="0.25 0.25 0.25" material="poster0"/>
    </body>
  </worldbody>
</mujoco>
"""


def _geom(kind: str, size: str, pos: tuple[float, ...], material: str, yaw: float = 0.0) -> str:
    at = " ".join(f"{value:.4f}" for value in pos)
    return (
        f'<geom type="{kind}" size="{size}" pos="{at}" euler="0 0 {yaw:.2f}" '
        f'material="{material}" contype="0" conaffinity="0"/>'
    )


def _shell(random: np.random.Generator) -> str:
    """Floor, ceiling and walls in panels, each with a texture of its own."""
    length, width, height = SIZE
    half = _PANEL / 2.0
    out = []
    for x in np.arange(-length / 2 + half, length / 2, _PANEL):
        for y in (-width / 3, 0.0, width / 3):
            name = f"{random.choice(('tiles', 'planks'))}{random.integers(_COPIES)}"
            out.append(_geom("box", f"{half} {width / 6:.4f} 0.05", (x, y, -0.05), name))
        for side in (-1.0, 1.0):
            name = f"{random.choice(('bricks', 'plaster'))}{random.integers(_COPIES)}"
            at = (x, side * (width / 2 + 0.05), height / 2)
            out.append(_geom("box", f"{half} 0.05 {height / 2}", at, name))
    for y in (-width / 3, 0.0, width / 3):
        for side in (-1.0, 1.0):
            name = f"{random.choice(('bricks', 'plaster'))}{random.integers(_COPIES)}"
            at = (side * (length / 2 + 0.05), y, height / 2)
            out.append(_geom("box", f"0.05 {width / 6:.4f} {height / 2}", at, name))
    out.append(
        _geom("box", f"{length / 2} {width / 2} 0.05", (0.0, 0.0, height + 0.05), "plaster0")
    )
    return "".join(out)


def _piece(random: np.random.Generator, names: list[str]) -> str:
    """A piece of furniture on the floor, on a wall's height, or hanging."""
    length, width, height = SIZE
    while True:
        x = random.uniform(-length / 2 + 0.4, length / 2 - 0.4)
        y = random.uniform(-width / 2 + 0.4, width / 2 - 0.4)
        if np.hypot(x, y) > 1.6:
            break
    a, b, c = random.uniform(0.08, 0.35, 3)
    kind = random.choice(("box", "box", "cylinder", "sphere", "capsule"))
    sizes = {"box": f"{a:.3f} {b:.3f} {c:.3f}", "sphere": f"{c:.3f}"}
    size = sizes.get(str(kind), f"{a:.3f} {c:.3f}")
    z = c + 0.01 if random.random() < 0.4 else random.uniform(0.4, height - 0.4)
    yaw = random.uniform(-180.0, 180.0)
    return _geom(str(kind), size, (x, y, z), str(random.choice(names)), yaw)
