"""The simulated event camera: keyframes in, events out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop_sim.event_camera import geometry, paths, pixels
from spikeloop_sim.event_camera.config import EventCameraConfig
from spikeloop_sim.event_camera.interpolation import MOST_STEPS
from spikeloop_sim.event_camera.optics import Pinhole, Pose
from spikeloop_sim.event_camera.picture import log_picture
from spikeloop_sim.event_camera.readout import Readout
from spikeloop_sim.event_camera.renderer import SceneRenderer
from spikeloop_sim.robot import random_stream

_MOVING_PX_S = 2.0
_FEW = 20


@dataclass(frozen=True)
class _Keyframe:
    time_us: int
    placement: geometry.Placement
    log: NDArray[np.float32]
    depth: NDArray[np.float32]
    range: NDArray[np.float32]


class EventCamera:
    """Shows a MuJoCo scene to a sensor of log-intensity changes.

    `see` is called with the state of the world every 4 to 28 ms, by how fast things move
    (`interval_us` tells). The events in between come from an interpolation along the motion of
    camera and bodies, taken as steady between two calls. They depend on the seed, the
    configuration and the calls alone.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        lens: Pinhole,
        config: EventCameraConfig | None = None,
        seed: int = 0,
        renderer: SceneRenderer | None = None,
    ) -> None:
        """Make the renderer, and reset.

        Args:
            model: the world.
            lens: size and intrinsics.
            config: parameters; defaults where None.
            seed: see `reset`.
            renderer: of this model, lens and supersampling, to be shared with other cameras; it is
                closed by whoever made it. One of its own where None.

        Raises:
            ValueError: a negative seed, or a renderer for something else.
            RuntimeError: this machine can't draw off-screen.

        """
        self._model = model
        self._prepare(lens, config)
        self.reset(seed)
        self._owned = renderer is None
        self._renderer = renderer or SceneRenderer(model, lens, self.config.supersampling)
        if (self._renderer.lens, self._renderer.samples) != (lens, self.config.supersampling):
            raise ValueError("the shared renderer has another lens or other samples a pixel")

    def _prepare(self, lens: Pinhole, config: EventCameraConfig | None) -> None:
        """All that depends on neither world nor seed."""
        self.config, self.lens = config or EventCameraConfig(), lens
        self._intrinsics = np.array([lens.fx, lens.fy, lens.cx, lens.cy], np.float32)
        self._tables = _tables(self.config)
        self._readout = Readout(self.config, lens.width, lens.height)
        self._when, self._what = np.empty(1 << 18, np.float32), np.empty(1 << 18, np.int32)
        self._scratch = np.empty((2, MOST_STEPS + 1), np.float32)

    def reset(self, seed: int) -> None:
        """Draw the pixels' mismatch and start the random numbers; the next call of `see` is first.

        Raises:
            ValueError: a negative seed.

        """
        config, count = self.config, self.lens.width * self.lens.height
        random = random_stream(seed, "event_camera/pixels")
        factors = 1.0 + config.threshold_mismatch * random.standard_normal((2, count))
        factors = np.maximum(factors, 0.2)
        leak = 1.0 + config.leak_mismatch * random.standard_normal(count)
        on, off = config.threshold_on * factors[0], config.threshold_off * factors[1]
        leak = np.maximum(leak, 0.0) * config.leak_hz * on * 1e-6
        self._fixed: NDArray[np.float32] = np.stack([on, off, leak]).astype(np.float32)
        # How far each pixel is from its thresholds at the start: anywhere in the middle.
        self._head_start = (random.uniform(-0.5, 0.5, count) * np.minimum(on, off)).astype(
            np.float32
        )
        hot = random.random(count) < config.hot_fraction
        self._hot = np.flatnonzero(hot).astype(np.int64)
        spread = random.lognormal(-0.5, 1.0, count)[hot]
        self._hot_rates = np.maximum(config.hot_rate_hz * spread * 1e-6, 1e-12)
        self._state = np.zeros((4, count), np.float32)
        if config.noise > 0.0:
            self._state[3] = random.standard_normal(count)
        self._random = random.integers(0, 2**63, 1, np.uint64)
        self._readout.reset()
        self._last: _Keyframe | None = None
        self._interval_us = config.keyframe_least_us

    @property
    def thresholds(self) -> NDArray[np.float32]:
        """(2, height, width) float32, ON and OFF threshold of each pixel."""
        out: NDArray[np.float32] = self._fixed[:2].copy()
        return out.reshape(2, self.lens.height, self.lens.width)

    @property
    def head_start(self) -> NDArray[np.float32]:
        """(height, width) float32: first log intensity less the level remembered at the start."""
        out: NDArray[np.float32] = self._head_start.copy()
        return out.reshape(self.lens.height, self.lens.width)

    @property
    def lost(self) -> int:
        """Events that found no room on the bus since the reset."""
        return self._readout.lost

    @property
    def interval_us(self) -> int:
        """How long the next interval should be at most, by what moved in the last one, us."""
        return self._interval_us

    def see(self, data: mujoco.MjData, pose: Pose, time_us: int) -> Events:
        """Events since the last call; none from the first.

        Args:
            data: state of the world, kinematics and lights up to date.
            pose: of the camera's optical frame.
            time_us: sensor time, us, above that of the last call.

        Returns:
            events with last time <= t < time_us, in order.

        Raises:
            ValueError: time doesn't advance, or by more than a second.

        """
        before = self._last
        if before is not None and not 0 < time_us - before.time_us <= 1_000_000:
            raise ValueError(
                f"time_us is {time_us} after {before.time_us}; a keyframe must come within "
                "a second after the last"
            )
        after = self._keyframe(data, pose, time_us)
        self._last = after
        if before is None:
            now = after.log[::2, ::2].reshape(-1)
            self._state[0], self._state[1] = now, now - self._head_start
            return Events.none(self.lens.width, self.lens.height)
        when, what = self._between(before, after)
        span = after.time_us - before.time_us
        return self._readout.read(when, what, before.time_us, span, self._random)

    def state(self) -> dict[str, NDArray[Any]]:
        """All that later events depend on beside seed and configuration; see `restore`.

        Raises:
            ValueError: nothing was seen yet.

        """
        last = self._last
        if last is None:
            raise ValueError("the camera has seen nothing yet, so there is no state")
        return {
            "pixels": self._state.copy(),
            "random": self._random.copy(),
            "times": np.array([last.time_us, self._interval_us], np.int64),
            "camera": np.column_stack(
                [last.placement.camera.rotation, last.placement.camera.position]
            ),
            "positions": last.placement.positions,
            "rotations": last.placement.rotations,
            "log": last.log,
            "depth": last.depth,
            "range": last.range,
            **self._readout.state(),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where `state` was taken, by a camera of the same model, seed and configuration."""
        self._state, self._random = state["pixels"].copy(), state["random"].copy()
        time_us, self._interval_us = state["times"].tolist()
        pose = Pose(state["camera"][:, 3].copy(), state["camera"][:, :3].copy())
        placement = geometry.Placement(pose, state["positions"], state["rotations"])
        self._last = _Keyframe(time_us, placement, state["log"], state["depth"], state["range"])
        self._readout.restore(state)

    def close(self) -> None:
        """Free the renderer, unless it is shared."""
        if self._owned:
            self._renderer.close()

    def __enter__(self) -> EventCamera:
        """For `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _keyframe(self, data: mujoco.MjData, pose: Pose, time_us: int) -> _Keyframe:
        frame = self._renderer.render(data, pose, nearest=True)
        log = log_picture(frame.luminance, self.config.scene_lux, self.config.dark_lux)
        return _Keyframe(
            time_us,
            geometry.Placement.of(data, pose),
            log,
            frame.depth,
            paths.ranges(log, self.lens.height, self.lens.width),
        )

    def _advice(
        self, forward: NDArray[np.float32], label: NDArray[np.int16], span_us: float
    ) -> int:
        config = self.config
        speed = np.abs(forward[::2, ::2, :2]).max(axis=-1) / span_us
        moving = speed > _MOVING_PX_S * 1e-6
        interval = float(config.keyframe_most_us)
        own = moving & (label[::2, ::2] > 0)
        for chosen, way in ((moving, config.keyframe_px), (own, config.keyframe_object_px)):
            if np.count_nonzero(chosen) >= _FEW:
                interval = min(interval, way / float(speed[chosen].mean()))
        return max(int(interval), config.keyframe_least_us)

    def _flow(
        self, here: _Keyframe, there: _Keyframe, moved: NDArray[np.intp]
    ) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
        """(h, w, 3) and (h, w), see `geometry.displacements` and `geometry.labels`."""
        label = geometry.labels(here.depth, self.lens, here.placement, self._model, moved)
        motions = geometry.transforms(here.placement, there.placement, moved)
        flow: NDArray[np.float32] = geometry.displacements(
            here.depth, label, self._intrinsics, motions
        )
        return flow, label

    def _between(
        self, before: _Keyframe, after: _Keyframe
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Requests of all pixels in an interval: us from its beginning, and pixel codes."""
        moved = geometry.moved_geoms(before.placement, after.placement)
        forward, label = self._flow(before, after, moved)
        backward, _ = self._flow(after, before, moved)
        mask0, ends0, front0 = paths.jumps(forward, before.depth)
        mask1, ends1, front1 = paths.jumps(backward, after.depth)
        depths = (before.depth, after.depth)
        reach, ends = paths.neighbourhoods(
            forward, backward, depths, before.range, after.range, ends0, ends1
        )
        span = np.float32(after.time_us - before.time_us)
        self._interval_us = self._advice(forward, label, float(span))
        return self._run(
            span, forward, backward, before.log, after.log, *depths, mask0, mask1, front0, front1,
            reach, ends,
        )  # fmt: skip

    def _run(
        self, span: np.float32, *surroundings: NDArray[Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Requests of all pixels; `surroundings` are `forward` to `ends` of `pixels.run`."""
        whens, whats = [], []
        pixel, total = 0, self.lens.width * self.lens.height
        while pixel < total:
            pixel, count = pixels.run(
                pixel, span, *surroundings, np.float32(self.config.steps_per_px), self._state,
                self._fixed, self._tables, np.float32(self.config.refractory_us), self._when,
                self._what, self._random, *self._scratch,
            )  # fmt: skip
            whens.append(self._when[:count].copy())
            whats.append(self._what[:count].copy())
        if len(self._hot):
            count = pixels.hot_events(
                self._hot, self._hot_rates, span, self._when, self._what, self._random
            )
            whens.append(self._when[:count].copy())
            whats.append(self._what[:count].copy())
        return np.concatenate(whens), np.concatenate(whats)


def _tables(config: EventCameraConfig) -> NDArray[np.float32]:
    """(2, TABLE_SIZE): inverse time constant (1/us) and noise, over log illuminance."""
    lux = np.exp(pixels.TABLE_LOW + pixels.TABLE_STEP * (0.5 + np.arange(pixels.TABLE_SIZE)))
    light = lux / config.bandwidth_lux
    rate = 2e-6 * np.pi * config.bandwidth_hz * np.minimum(light, 1.0)
    noise = config.noise * np.minimum(1.0, light**-0.5)
    return np.stack([rate, noise]).astype(np.float32)
