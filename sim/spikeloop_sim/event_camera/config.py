"""Parameters of the simulated event camera."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spikeloop.parameters import parameter


@dataclass(frozen=True)
class EventCameraConfig:
    """Pixels and read-out; the defaults are near a DAVIS346 in a lit room."""

    threshold_on: float = parameter(
        0.2, "rise of log intensity that makes an ON event", low=0.02, high=5.0
    )
    threshold_off: float = parameter(
        0.2, "fall of log intensity that makes an OFF event", low=0.02, high=5.0
    )
    threshold_mismatch: float = parameter(
        0.03,
        "standard deviation of a pixel's thresholds, as a part of them",
        low=0.0,
        high=0.3,
    )
    refractory_us: float = parameter(
        200.0, "time after an event in which a pixel is held in reset", unit="us", low=0.0
    )
    scene_lux: float = parameter(
        300.0, "illuminance of a white surface in full light", unit="lx", low=1e-3, high=1e6
    )
    dark_lux: float = parameter(
        0.1, "dark current of the photodiode, as light", unit="lx", low=1e-4
    )
    bandwidth_hz: float = parameter(
        300.0,
        "cut-off of the photoreceptor in bright light; 0: it follows at once",
        unit="Hz",
        low=0.0,
    )
    bandwidth_lux: float = parameter(
        20.0, "light below which the cut-off falls in proportion to light", unit="lx", low=1e-3
    )
    noise: float = parameter(
        0.05,
        "standard deviation of the noise in log intensity below bandwidth_lux; above, it falls "
        "with the root of light",
        low=0.0,
        high=0.5,
    )
    leak_hz: float = parameter(
        0.1, "ON events a pixel and second from the reset switch's leak", unit="Hz", low=0.0
    )
    leak_mismatch: float = parameter(
        0.3, "standard deviation of a pixel's leak, as a part of it", low=0.0, high=1.0
    )
    hot_fraction: float = parameter(
        0.0003, "part of the pixels that fire by themselves", low=0.0, high=0.1
    )
    hot_rate_hz: float = parameter(60.0, "mean rate of a hot pixel", unit="Hz", low=0.0)
    latency_us: float = parameter(20.0, "time of the pixel's logic and the bus", unit="us", low=0.0)
    jitter_us: float = parameter(
        5.0, "mean of the arbiter's random delay, exponential", unit="us", low=0.0
    )
    bus_rate_hz: float = parameter(
        12e6, "most events a second that the bus takes; 0: no limit", unit="Hz", low=0.0
    )
    bus_wait_us: float = parameter(
        1000.0, "events that would wait longer for the bus are lost", unit="us", low=0.0
    )
    supersampling: int = parameter(
        2, "side of the grid of samples that are drawn for a pixel", low=2, high=2, fixed=True
    )
    keyframe_px: float = parameter(
        5.0, "motion of what moves, on average, between two keyframes", unit="px", low=0.5
    )
    keyframe_object_px: float = parameter(
        2.0,
        "the same for things that move by themselves, whose rims hide and uncover",
        unit="px",
        low=0.5,
    )
    keyframe_least_us: int = parameter(
        4_000, "shortest interval that is advised", unit="us", low=500
    )
    keyframe_most_us: int = parameter(
        28_000, "longest interval that is advised", unit="us", low=500
    )
    steps_per_px: float = parameter(
        1.5, "interpolated samples a pixel of motion", low=0.25, high=8.0
    )


def ideal(config: EventCameraConfig) -> EventCameraConfig:
    """The same thresholds, mismatch and light, without anything that delays or is random."""
    return replace(
        config,
        refractory_us=0.0,
        bandwidth_hz=0.0,
        noise=0.0,
        leak_hz=0.0,
        hot_fraction=0.0,
        latency_us=0.0,
        jitter_us=0.0,
        bus_rate_hz=0.0,
    )
