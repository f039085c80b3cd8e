"""The reference: a picture every half millisecond, and pixels that compare one with the next.

It shares the renderer and the sensor's thresholds with the camera model, and nothing else: the
pictures are filtered and thinned here, and no motion is known.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop_sim.evcam.scenes import Scene, lens
from spikeloop_sim.event_camera.config import EventCameraConfig
from spikeloop_sim.event_camera.renderer import SceneRenderer

STEP_US = 500


def reference_events(
    scene: Scene,
    config: EventCameraConfig,
    thresholds: NDArray[np.float32],
    head_start: NDArray[np.float32],
    duration_us: int,
) -> Events:
    """Events of pixels without delay and noise.

    Args:
        scene: what is seen.
        config: light.
        thresholds: (2, h, w), ON and OFF.
        head_start: (h, w), first log intensity less the level remembered at the start.
        duration_us: from time 0, us; a multiple of `STEP_US`.

    """
    eye = lens()
    found: list[NDArray[np.int64]] = []
    with SceneRenderer(scene.model, eye, 2) as renderer:
        before = remembered = np.empty(0)
        for t in range(0, duration_us + 1, STEP_US):
            data, pose = scene.at(t * 1e-6)
            light = config.scene_lux * _pixels(renderer.render(data, pose).luminance)
            now = np.log(light + config.dark_lux)
            if t == 0:
                remembered = now - head_start
            else:
                found.append(_compare(before, now, remembered, thresholds, t - STEP_US, STEP_US))
            before = now
    table = np.concatenate(found)
    table = table[np.argsort(table[:, 0], kind="stable")]
    t, y, x, p = table.T
    return Events(
        t, x.astype(np.uint16), y.astype(np.uint16), p.astype(np.uint8), eye.width, eye.height
    )


def _pixels(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Aperture and lens: (1, 3, 3, 1)/8 along both axes, one value a pixel."""
    wide = np.pad(samples.astype(np.float64), 1, mode="edge")
    rows = (wide[:-3:2] + 3.0 * (wide[1:-2:2] + wide[2:-1:2]) + wide[3::2]) / 8.0
    columns = rows[:, :-3:2] + 3.0 * (rows[:, 1:-2:2] + rows[:, 2:-1:2]) + rows[:, 3::2]
    out: NDArray[np.float64] = columns / 8.0
    return out


@njit(cache=True)
def _compare(before: Any, now: Any, remembered: Any, thresholds: Any, begin: Any, step: Any) -> Any:
    """Crossings between two pictures, (n, 4) int64: t, row, column, polarity."""
    out = np.empty((1 << 16, 4), np.int64)
    n = 0
    for y in range(now.shape[0]):
        for x in range(now.shape[1]):
            a, b = before[y, x], now[y, x]
            while b - remembered[y, x] >= thresholds[0, y, x]:
                remembered[y, x] += thresholds[0, y, x]
                n = _put(out, n, begin + step * (remembered[y, x] - a) / (b - a), y, x, 1)
            while remembered[y, x] - b >= thresholds[1, y, x]:
                remembered[y, x] -= thresholds[1, y, x]
                n = _put(out, n, begin + step * (remembered[y, x] - a) / (b - a), y, x, 0)
            if n > len(out) - 1000:
                wider = np.empty((2 * len(out), 4), np.int64)
                wider[:n] = out[:n]
                out = wider
    return out[:n].copy()


@njit(cache=True)
def _put(out: Any, n: Any, t: Any, y: Any, x: Any, p: Any) -> Any:
    out[n, 0], out[n, 1], out[n, 2], out[n, 3] = int(t), y, x, p
    return n + 1
