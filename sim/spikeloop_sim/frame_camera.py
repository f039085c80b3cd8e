"""A simulated frame camera: exposure, motion blur, noise, and what is too bright or too dark.

Light is gathered over the exposure from renderings at several times in it, so that motion blurs.
Electrons follow the EMVA 1288 model of a linear camera: a mean proportional to light, its variance
that of a Poisson process, noise of the readout with a variance of its own, and a full well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.event_camera.optics import Pinhole, Pose, Twist
from spikeloop_sim.event_camera.renderer import SceneRenderer
from spikeloop_sim.frame_camera_config import FrameCameraConfig
from spikeloop_sim.robot import random_stream

MOST_SAMPLES = 64
_FULL = 255.0

View = Callable[[float], tuple[mujoco.MjData, Pose]]
"""State of the world and pose of the optical frame at a time, s."""


@dataclass(frozen=True)
class Picture:
    """A frame.

    Attributes:
        pixels: (height, width) uint8.
        begin_us: start of the exposure, us.
        end_us: its end, us.
        saturated: part of the pixels whose well was full.

    """

    pixels: NDArray[np.uint8]
    begin_us: int
    end_us: int
    saturated: float


class FrameCamera:
    """Takes pictures of a MuJoCo scene; the same seed and calls give the same pictures."""

    def __init__(
        self,
        model: mujoco.MjModel,
        lens: Pinhole,
        config: FrameCameraConfig | None = None,
        seed: int = 0,
        renderer: SceneRenderer | None = None,
    ) -> None:
        """Make the renderer, or share one of 2 x 2 samples; errors as `SceneRenderer`, `reset`."""
        self.config, self.lens = config or FrameCameraConfig(), lens
        self.reset(seed)
        self._owned = renderer is None
        self._renderer = renderer or SceneRenderer(model, lens, 2)

    def reset(self, seed: int) -> None:
        """Draw the pixels' gains, and choose the exposure anew.

        Raises:
            ValueError: a negative seed.

        """
        config, shape = self.config, (self.lens.height, self.lens.width)
        gains = random_stream(seed, "frame_camera/gains").standard_normal(shape)
        rays = self.lens.rays()
        fall = 1.0 / (1.0 + (rays**2).sum(axis=-1)) ** 2
        corners = 1.0 - config.vignetting * (1.0 - fall)
        self._gain: NDArray[np.float64] = (1.0 + config.pattern_noise * gains) * corners
        self._seed, self._count = seed, 0
        # Mid-grey in the scene's light, until a frame has told.
        light = 0.4 * config.scene_lux * config.electrons_per_lux_s / config.full_well
        self._metered_us = self._bounded(1e6 * config.target_grey / light)

    @property
    def exposure_us(self) -> int:
        """Time of the next exposure, us."""
        chosen = self._bounded(self._metered_us * 2.0**self.config.ev)
        return max(round(self.config.exposure_us or chosen), 1)

    def state(self) -> dict[str, NDArray[np.float64]]:
        """What the next picture depends on beside the seed; see `restore`."""
        return {"frame": np.array([self._count, self._metered_us])}

    def restore(self, state: dict[str, NDArray[np.float64]]) -> None:
        """Go on behind `state` as if never interrupted; the seed must be the same."""
        self._count, self._metered_us = int(state["frame"][0]), float(state["frame"][1])

    def take(self, view: View, begin_us: int, twist: Twist | None = None) -> Picture:
        """Expose from `begin_us` on for `exposure_us`.

        Args:
            view: the scene at any time of the exposure.
            begin_us: start of the exposure, us.
            twist: of the optical frame; it tells how many samples the blur needs. Without one
                there are 8.

        """
        span = self.exposure_us
        count = 8 if twist is None else self._samples(twist, span)
        total = np.zeros((self.lens.height, self.lens.width))
        for k in range(count):
            # In the middle of equal parts, so that the mean of all is the exposure's middle.
            data, pose = view(1e-6 * (begin_us + span * (k + 0.5) / count))
            samples = self._renderer.render(data, pose).luminance
            total += 0.25 * (
                samples[::2, ::2] + samples[1::2, ::2] + samples[::2, 1::2] + samples[1::2, 1::2]
            )
        pixels, saturated = self._develop(total / count, 1e-6 * span)
        return Picture(pixels, begin_us, begin_us + span, saturated)

    def close(self) -> None:
        """Free the renderer, unless it is shared."""
        if self._owned:
            self._renderer.close()

    def __enter__(self) -> FrameCamera:
        """For `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _samples(self, twist: Twist, span_us: int) -> int:
        """Renderings that an exposure needs: turning moves all pixels, travel those 1 m away."""
        speed = float(np.linalg.norm(twist.angular)) + float(np.linalg.norm(twist.linear))
        way = self.lens.fx * speed * 1e-6 * span_us
        return min(1 + math.ceil(way / self.config.blur_px), MOST_SAMPLES)

    def _develop(
        self, luminance: NDArray[np.float64], exposure_s: float
    ) -> tuple[NDArray[np.uint8], float]:
        """Grey values, and the part of the wells that are full; chooses the next exposure."""
        config = self.config
        light = luminance * config.scene_lux * config.electrons_per_lux_s
        mean = (light * self._gain + config.dark_electrons_s) * exposure_s
        # A stream for each frame: a frame more or less earlier shifts no other.
        random = random_stream(self._seed, f"frame_camera/noise/{self._count}")
        electrons = mean + np.sqrt(mean) * random.standard_normal(mean.shape)
        full = electrons >= config.full_well
        electrons += config.read_noise * random.standard_normal(mean.shape)
        level = np.clip(electrons / config.full_well, 0.0, 1.0)
        self._count += 1
        self._meter(float(mean.mean()), exposure_s)
        coded = level if config.gamma == 1.0 else level ** (1.0 / config.gamma)
        return np.round(_FULL * coded).astype(np.uint8), float(full.mean())

    def _meter(self, mean: float, exposure_s: float) -> None:
        """Note the exposure that the target needs: at most four times or a quarter of the last."""
        level = max(mean / self.config.full_well, 1e-9)
        wanted = 1e6 * exposure_s * self.config.target_grey / level
        lowest, highest = 0.25 * self._metered_us, 4.0 * self._metered_us
        self._metered_us = self._bounded(min(max(wanted, lowest), highest))

    def _bounded(self, exposure_us: float) -> float:
        config = self.config
        return min(max(exposure_us, config.exposure_least_us), config.exposure_most_us)
