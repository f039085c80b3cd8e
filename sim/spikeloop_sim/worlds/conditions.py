"""Times of day, weather and seasons outdoors: light, sky, wetness, leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeloop_sim.worlds import surfaces
from spikeloop_sim.worlds.scene import Light
from spikeloop_sim.worlds.surfaces import Colour

NAMES = ("day", "dusk", "night", "rain", "autumn", "winter")
SKY_PX = 128


@dataclass(frozen=True)
class Condition:
    """How a place looks; buildings, trees and roads stay where they are.

    Attributes:
        name: see `NAMES`.
        lux: illuminance of a white surface in full light, lx.
        ambient: light from everywhere, 0 to 1.
        lights: sun or moon.
        zenith: colour of the sky overhead.
        horizon: colour of the sky at the horizon.
        clouds: part of the sky that is covered.
        dim: factor on facades that aren't lit from inside.
        lit: part of the windows with light behind.
        lamps: whether street lamps and headlights are on.
        wet: of ground, 0 to 1.
        leaf: colour of leaves; None where trees are bare.
        grass: colour of meadows.
        snow: part of the open ground under snow.
        visibility_m: distance at which haze leaves 5 % of a contrast.

    """

    name: str
    lux: float
    ambient: float
    lights: tuple[Light, ...]
    zenith: Colour
    horizon: Colour
    clouds: float
    dim: float = 1.0
    lit: float = 0.0
    lamps: bool = False
    wet: float = 0.0
    leaf: Colour | None = (0.13, 0.26, 0.07)
    grass: Colour = (0.12, 0.22, 0.06)
    snow: float = 0.0
    visibility_m: float = 8_000.0

    @property
    def night(self) -> bool:
        """Whether street lamps and windows are all the light there is."""
        return self.name == "night"

    def air(self, random: np.random.Generator) -> dict[str, Any]:
        """What a `Scene` takes from it: ambient light, sky, lux and visibility.

        Args:
            random: draws the clouds and the hills on the horizon.

        """
        sky = surfaces.sky_faces(random, SKY_PX, self.zenith, self.horizon, self.clouds)
        return {
            "ambient": self.ambient,
            "sky": sky,
            "lux": self.lux,
            "visibility_m": self.visibility_m,
        }


CONDITIONS = {
    condition.name: condition
    for condition in (
        Condition(
            "day",
            20_000.0,
            0.40,
            (Light((0.45, 0.3, -0.85), 0.55),),
            (0.25, 0.42, 0.75),
            (0.75, 0.82, 0.9),
            0.3,
        ),
        Condition(
            "dusk",
            60.0,
            0.55,
            (Light((-0.8, 0.45, -0.25), 0.25),),
            (0.12, 0.14, 0.28),
            (0.75, 0.45, 0.3),
            0.4,
            dim=0.6,
            lit=0.35,
            lamps=True,
        ),
        Condition(
            "night",
            50.0,
            0.30,
            (),
            # Low clouds over a town give its light back.
            (0.15, 0.145, 0.15),
            (0.30, 0.27, 0.24),
            0.3,
            dim=0.28,
            lit=0.28,
            lamps=True,
        ),
        Condition(
            "rain",
            4_000.0,
            0.80,
            (Light((0.1, 0.1, -1.0), 0.12),),
            (0.42, 0.44, 0.47),
            (0.58, 0.59, 0.6),
            0.9,
            lit=0.12,
            wet=1.0,
            visibility_m=400.0,
        ),
        Condition(
            "autumn",
            9_000.0,
            0.45,
            (Light((-0.75, -0.3, -0.4), 0.55),),
            (0.35, 0.48, 0.7),
            (0.85, 0.82, 0.75),
            0.55,
            leaf=(0.48, 0.26, 0.06),
            grass=(0.2, 0.2, 0.07),
            wet=0.3,
        ),
        Condition(
            "winter",
            6_000.0,
            0.75,
            (Light((-0.5, 0.4, -0.5), 0.2),),
            (0.6, 0.63, 0.68),
            (0.78, 0.79, 0.8),
            0.8,
            leaf=None,
            grass=(0.2, 0.18, 0.1),
            wet=0.4,
            snow=0.9,
            visibility_m=1_500.0,
        ),
    )
}
