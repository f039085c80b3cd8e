"""People, cyclists and cars, put together from simple shapes; x forward, origin on the ground."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikeloop_sim.worlds.building import Builder
from spikeloop_sim.worlds.scene import Mesh, Pose, Quaternion, Shape, Vector

_H = float(np.sqrt(0.5))
ALONG_Y: Quaternion = (_H, 0.0, 0.0, _H)
ALONG_X: Quaternion = (0.0, _H, 0.0, _H)
_SKIN = (0.55, 0.40, 0.32)
_PAINTS = (
    (0.62, 0.62, 0.64),
    (0.08, 0.08, 0.09),
    (0.75, 0.75, 0.73),
    (0.05, 0.10, 0.30),
    (0.45, 0.05, 0.05),
    (0.15, 0.25, 0.16),
    (0.30, 0.30, 0.32),
    (0.60, 0.55, 0.40),
)


def _part(
    kind: str, size: tuple[float, ...], material: str, at: Vector, turn: Quaternion, label: str
) -> Shape:
    return Shape(kind, size, material, Pose(at, turn), label)  # type: ignore[arg-type]


_LEVEL: Quaternion = (0.0, 0.0, 0.0, 1.0)


def tilted(pitch: float) -> Quaternion:
    """A turn about y, rad: positive nods forward."""
    return (0.0, float(np.sin(0.5 * pitch)), 0.0, float(np.cos(0.5 * pitch)))


def pedestrian(builder: Builder, random: np.random.Generator, key: str) -> tuple[Shape, ...]:
    """A person in the middle of a step, 1.6 to 1.9 m tall."""
    tall = random.uniform(1.6, 1.9)
    coat = builder.paint(f"coat {key}", tuple(random.uniform(0.05, 0.7, 3)), 0.4)
    cloth = builder.paint(f"trousers {key}", tuple(random.uniform(0.03, 0.35, 3)), 0.4)
    skin = builder.paint("skin", _SKIN, 0.5)
    hip, label = 0.5 * tall, "pedestrian"
    leg, arm = 0.5 * hip - 0.02, 0.22 * tall
    parts = [
        _part("capsule", (0.17, 0.15 * tall), coat, (0.0, 0.0, 0.67 * tall), _LEVEL, label),
        _part("sphere", (0.115,), skin, (0.02, 0.0, 0.93 * tall), _LEVEL, label),
    ]
    for side in (-1.0, 1.0):
        swing = 0.38 * side
        at = (0.5 * hip * np.sin(-swing), side * 0.09, 0.5 * hip)
        parts.append(_part("capsule", (0.075, leg - 0.06), cloth, at, tilted(-swing), label))
        at = (0.16 * np.sin(swing), side * 0.24, 0.63 * tall)
        parts.append(_part("capsule", (0.05, 0.5 * arm), coat, at, tilted(swing), label))
    return tuple(parts)


def cyclist(builder: Builder, random: np.random.Generator, key: str) -> tuple[Shape, ...]:
    """A person on a bicycle, 1.75 m long."""
    coat = builder.paint(f"jersey {key}", tuple(random.uniform(0.1, 0.8, 3)), 0.5)
    cloth = builder.paint(f"shorts {key}", tuple(random.uniform(0.02, 0.2, 3)), 0.3)
    skin, tyre = builder.paint("skin", _SKIN, 0.5), builder.paint("tyre", 0.04, 0.15)
    frame = builder.paint(f"frame {key}", tuple(random.uniform(0.1, 0.9, 3)), 0.6)
    label = "cyclist"
    parts = [
        _part("cylinder", (0.34, 0.02), tyre, (x, 0.0, 0.34), ALONG_Y, label) for x in (-0.52, 0.52)
    ]
    parts += [
        _part("capsule", (0.025, 0.38), frame, (-0.02, 0.0, 0.72), ALONG_X, label),
        _part("capsule", (0.022, 0.32), frame, (0.42, 0.0, 0.68), tilted(-0.35), label),
        _part("capsule", (0.022, 0.30), frame, (-0.28, 0.0, 0.60), tilted(-0.5), label),
        _part("capsule", (0.02, 0.22), frame, (0.36, 0.0, 1.02), ALONG_Y, label),
        _part("capsule", (0.16, 0.22), coat, (-0.02, 0.0, 1.25), tilted(0.75), label),
        _part("sphere", (0.12,), skin, (0.28, 0.0, 1.56), _LEVEL, label),
        _part("sphere", (0.125,), frame, (0.26, 0.0, 1.60), _LEVEL, label),
    ]
    for side in (-1.0, 1.0):
        parts.append(
            _part("capsule", (0.045, 0.24), coat, (0.24, side * 0.2, 1.2), tilted(2.4), label)
        )
        lift = 0.12 * side
        at = (-0.02, side * 0.12, 0.68 + lift)
        parts.append(_part("capsule", (0.065, 0.3), cloth, at, tilted(-0.35 + lift), label))
    return tuple(parts)


def frustum(
    bottom: tuple[float, float, float], top: tuple[float, float, float], low: float, high: float
) -> Mesh:
    """A body with rectangles below and above: rear x, front x, half width of each; heights, m."""
    ring = []
    for (rear, front, half), z in ((bottom, low), (top, high)):
        ring += [[rear, -half, z], [front, -half, z], [front, half, z], [rear, half, z]]
    faces = [[4, 5, 6], [4, 6, 7], [0, 2, 1], [0, 3, 2]]
    for k in range(4):
        n = (k + 1) % 4
        faces += [[k, n, n + 4], [k, n + 4, k + 4]]
    return Mesh(np.array(ring), np.array(faces, np.int32))


def car(
    builder: Builder, random: np.random.Generator, key: str, lights: float = 0.0
) -> tuple[Shape, ...]:
    """A car or a van, 4 to 5.2 m long; `lights` is the emission of its lamps."""
    paint_of = _PAINTS[int(random.integers(len(_PAINTS)))]
    paint = builder.paint(f"paint {key}", paint_of, float(random.uniform(0.3, 0.8)))
    glass = builder.paint("car glass", (0.06, 0.08, 0.10), 0.1)
    tyre, trim = builder.paint("tyre", 0.04, 0.15), builder.paint("trim", 0.12, 0.3)
    front = builder.paint("headlight", (0.9, 0.9, 0.85), 0.9, lights)
    rear = builder.paint("tail light", (0.6, 0.04, 0.04), 0.6, 0.5 * lights)
    van = random.random() < 0.25
    half = float(random.uniform(2.0, 2.3)) + (0.3 if van else 0.0)
    wide, belt, tall = 0.87, 0.95, 1.95 if van else float(random.uniform(1.42, 1.6))
    back = half - 0.05 if van else float(random.choice((half - 0.15, half - 0.7)))
    body, cabin, roof = f"body {key}", f"cabin {key}", f"roof {key}"
    builder.meshes[body] = frustum(
        (-half, half, wide), (-half + 0.05, half - 0.12, wide - 0.03), 0.28, belt
    )
    lean = 0.1 if van else 0.45
    builder.meshes[cabin] = frustum(
        (-back, 0.45 * half, wide - 0.06),
        (-back + lean, 0.45 * half - 0.65, wide - 0.2),
        belt,
        tall - 0.05,
    )
    builder.meshes[roof] = frustum(
        (-back + lean - 0.02, 0.45 * half - 0.63, wide - 0.19),
        (-back + lean + 0.05, 0.45 * half - 0.7, wide - 0.24),
        tall - 0.06,
        tall,
    )
    label = "car"
    parts = [
        replace(_part("mesh", (1.0,), paint, (0.0, 0.0, 0.0), _LEVEL, label), mesh=body),
        replace(_part("mesh", (1.0,), glass, (0.0, 0.0, 0.0), _LEVEL, label), mesh=cabin),
        replace(_part("mesh", (1.0,), paint, (0.0, 0.0, 0.0), _LEVEL, label), mesh=roof),
        _part("box", (0.03, 0.24, 0.06), trim, (half, 0.0, 0.5), _LEVEL, label),
        _part("box", (0.02, 0.25, 0.06), trim, (-half, 0.0, 0.55), _LEVEL, label),
    ]
    for x in (-0.62 * half, 0.62 * half):
        for y in (-wide + 0.1, wide - 0.1):
            parts.append(_part("cylinder", (0.32, 0.11), tyre, (x, y, 0.32), ALONG_Y, label))
    for y in (-0.66, 0.66):
        parts.append(_part("box", (0.03, 0.14, 0.07), front, (half - 0.06, y, 0.72), _LEVEL, label))
        parts.append(_part("box", (0.03, 0.12, 0.09), rear, (-half + 0.02, y, 0.78), _LEVEL, label))
    return tuple(parts)


def placed(
    shapes: tuple[Shape, ...], at: Vector, yaw: float, instance: str, collides: bool = True
) -> list[Shape]:
    """The same shapes standing at `at`, turned by `yaw`, as one thing."""
    c, s = float(np.cos(yaw)), float(np.sin(yaw))
    turn: Quaternion = (0.0, 0.0, float(np.sin(0.5 * yaw)), float(np.cos(0.5 * yaw)))
    out = []
    for shape in shapes:
        x, y, z = shape.pose.position
        place = (at[0] + c * x - s * y, at[1] + s * x + c * y, at[2] + z)
        pose = Pose(place, _after(turn, shape.pose.orientation))
        out.append(replace(shape, pose=pose, instance=instance, collides=collides))
    return out


def _after(a: Quaternion, b: Quaternion) -> Quaternion:
    """The turn b followed by a."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )
