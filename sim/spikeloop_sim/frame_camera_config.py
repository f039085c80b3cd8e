"""Parameters of the simulated frame camera."""

from __future__ import annotations

from dataclasses import dataclass

from spikeloop.parameters import parameter


@dataclass(frozen=True)
class FrameCameraConfig:
    """A grey global-shutter sensor; the defaults are near the active pixels of a DAVIS346."""

    exposure_us: float = parameter(
        0.0, "time of exposure; 0: found from the frame before", unit="us", low=0.0, high=1e6
    )
    exposure_most_us: float = parameter(
        20_000.0, "longest exposure that is chosen", unit="us", low=10.0, high=1e6
    )
    exposure_least_us: float = parameter(
        20.0, "shortest exposure that is chosen", unit="us", low=1.0, high=1e6
    )
    target_grey: float = parameter(
        0.35, "mean of the pixels that the choice of exposure aims at", low=0.05, high=0.95
    )
    ev: float = parameter(
        0.0, "steps of two by which the choice over- (+) or under-exposes (-)", low=-8.0, high=8.0
    )
    scene_lux: float = parameter(
        300.0, "illuminance of a white surface in full light", unit="lx", low=1e-3, high=1e6
    )
    electrons_per_lux_s: float = parameter(
        5e3, "photoelectrons of a white pixel, a lux and second, behind a lens of f/2", low=1.0
    )
    full_well: float = parameter(
        12_000.0, "photoelectrons at which a pixel is full", unit="e", low=100.0
    )
    read_noise: float = parameter(
        25.0, "standard deviation of the readout's noise", unit="e", low=0.0
    )
    dark_electrons_s: float = parameter(
        500.0, "photoelectrons a second without light", unit="e/s", low=0.0
    )
    pattern_noise: float = parameter(
        0.01, "standard deviation of the pixels' gains", low=0.0, high=0.2
    )
    vignetting: float = parameter(
        0.0,
        "part of the natural fall of light to the corners, cos^4; 0: none",
        low=0.0,
        high=1.0,
    )
    gamma: float = parameter(
        1.0, "exponent of the picture's coding; 1: linear, as sensors give it", low=0.3, high=3.0
    )
    blur_px: float = parameter(
        1.0, "motion between two samples of the exposure", unit="px", low=0.1, high=5.0
    )
