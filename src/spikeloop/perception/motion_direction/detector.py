"""The motion detector: one layer of heterogeneous delays, a decision at each place.

HD-SNN (Grimaldi and Perrinet, arXiv 2307.14077): evidence of each motion at each place is a
convolution of spikes over space and delay; its softmax is the probability of each motion. All
places learn the motion of the movie by cross-entropy; a movie's motion is the one with the
greatest mean log-probability over places and times.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spikeloop.installed import weights_file
from spikeloop.parameters import build_config, parameter
from spikeloop.perception.motion_direction.movies import Motions
from spikeloop.snn.layers.heterogeneous_delay import HeterogeneousDelayConv

DEFAULT = "delay_motion"


class WeightsError(ValueError):
    """A file of weights can't be taken; the message names it and why."""


@dataclass(frozen=True)
class DetectorConfig:
    """Shape of the detector."""

    directions: int = parameter(12, "directions that are told apart", low=2)
    speeds: tuple[float, ...] = parameter(
        (0.36, 0.6, 1.0), "speeds that are told apart", unit="pixels a step", low=0.01, high=4.0
    )
    size: int = parameter(17, "width of the kernel, odd", unit="pixels", low=3, high=63)
    delays: int = parameter(10, "delays, from 0 on, one a step", low=2, high=100)
    dt: float = parameter(0.005, "time step", unit="s", low=1e-5, high=1.0)

    def motions(self) -> Motions:
        """The motions that are told apart."""
        return Motions(self.directions, self.speeds)


class MotionDetector(nn.Module):
    """Log-probabilities of motions, mean over places, from the spikes of the last steps.

    A place's evidence is the greater of that of the spikes as they are and of the spikes with
    ON and OFF exchanged, for a motion is the same whether what moves is bright or dark.

    Input: (batch, delays, 2, height, width), the newest first. Output: (batch, classes).

    Args:
        config: its shape.

    """

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        classes = config.motions().classes
        self.layer = HeterogeneousDelayConv(2, classes, config.size, config.delays, config.dt)

    def evidence(self, past: Tensor) -> Tensor:
        """(batch, places, classes), row by row of the places where the kernel fits.

        The weights that are masked in all kernels take no part, so that cones cost less.
        """
        kernel = self.layer.weight * self.layer.mask
        both = torch.cat([kernel, kernel.flip(2)]).flatten(1)
        mask = self.layer.mask.bool()
        used = torch.nonzero((mask | mask.flip(2)).any(0).flatten()).flatten()
        where = self._where(used, past.shape[-2], past.shape[-1])
        spikes = past.flatten(1)[:, where].to(kernel.dtype)
        direct, swapped = (spikes @ both[:, used].T).chunk(2, dim=-1)
        assert self.layer.bias is not None
        return torch.maximum(direct, swapped) + self.layer.bias

    def _where(self, used: Tensor, height: int, width: int) -> Tensor:
        """(places, inputs): indices of the inputs of each place in the flat past."""
        size = self.config.size
        plane, within = used // size**2, used % size**2
        offset = plane * height * width + (within // size) * width + within % size
        rows, columns = torch.arange(height - size + 1), torch.arange(width - size + 1)
        corner = (rows[:, None] * width + columns[None]).flatten()
        return corner[:, None] + offset[None]

    def log_probabilities(self, past: Tensor) -> Tensor:
        """(batch, places, classes)."""
        return torch.log_softmax(self.evidence(past), dim=-1)

    def forward(self, past: Tensor) -> Tensor:
        """Mean over places."""
        return self.log_probabilities(past).mean(1)


def windows(raster: NDArray[np.uint8], delays: int, every: int = 1) -> NDArray[np.uint8]:
    """The last steps at some times of a movie.

    Args:
        raster: (steps, 2, height, width).
        delays: how many steps, including the newest.
        every: distance of the times, steps.

    Returns:
        (times, delays, 2, height, width), the newest step first.

    Raises:
        ValueError: the movie is shorter than that.

    """
    if len(raster) < delays:
        raise ValueError(f"a movie of {len(raster)} steps is shorter than {delays} delays")
    ends = range(delays, len(raster) + 1, every)
    return np.stack([raster[end - delays : end][::-1] for end in ends])


def save_weights(detector: MotionDetector, path: Path, notes: dict[str, Any]) -> None:
    """Write weights (.npz) and beside them what is known of them (.json)."""
    layer = detector.layer
    kernel = (layer.weight * layer.mask).detach().numpy()
    assert layer.bias is not None
    np.savez_compressed(path, weight=kernel, bias=layer.bias.detach().numpy())
    text = json.dumps({"config": asdict(detector.config), **notes}, indent=1)
    path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")


def load_detector(name: str = DEFAULT) -> tuple[MotionDetector, dict[str, Any]]:
    """A trained detector and its notes.

    Args:
        name: of a file in weights/, or the path of an .npz.

    Raises:
        UnknownWeightsError: there is no such file.
        WeightsError: it isn't one of a motion detector, or its .json is missing.

    """
    path = weights_file(name, ".npz")
    try:
        notes = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        config = build_config(DetectorConfig, notes["config"], f"{path.with_suffix('.json')}: ")
        with np.load(path) as content:
            weight, bias = content["weight"], content["bias"]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} is no motion detector: {error}") from error
    detector = MotionDetector(config)
    expected = tuple(detector.layer.weight.shape)
    if weight.shape != expected or bias.shape != expected[:1]:
        raise WeightsError(f"{path}: weight must be {expected}, not {weight.shape}")
    with torch.no_grad():
        detector.layer.weight.copy_(torch.from_numpy(weight))
        assert detector.layer.bias is not None
        detector.layer.bias.copy_(torch.from_numpy(bias))
        # What was pruned was written as 0.
        detector.layer.mask.mul_((detector.layer.weight != 0).float())
    return detector.eval(), notes
