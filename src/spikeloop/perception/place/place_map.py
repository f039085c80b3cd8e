"""The map of a place recogniser: what was learned, and where each place is.

A map is a NumPy archive without pickles: arrays, and one JSON text of what they are.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeloop.perception.place.ensemble import Network
from spikeloop.perception.place.pictures import PictureConfig
from spikeloop.perception.place.temporal import TemporalModule

VERSION = 3
FORMAT = "spikeloop place map"
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy and zipfile raise over bytes that aren't an archive of arrays."""


class MapError(ValueError):
    """A file isn't a map that can be used; the message names the file and what is wrong."""


@dataclass(frozen=True)
class PlaceMap:
    """Places of a route in the order of driving.

    Attributes:
        poses: (places, 3) x m, y m, heading rad, in the frame `map`.
        references: (traversals, places, side, side) float32, the small pictures themselves.
        networks: of the ensemble; empty for a map that only keeps the pictures.
        picture: how pictures are made small.
        threshold: of each length of sequence, the score below which a place counts as new.
        source: "image" or "events": what the pictures were made of.

    """

    poses: NDArray[np.float64]
    references: NDArray[np.float32]
    networks: tuple[Network, ...]
    picture: PictureConfig
    threshold: dict[int, float]
    source: str = "image"

    def __post_init__(self) -> None:
        """Refuse parts that don't fit each other."""
        places, side = len(self.poses), self.picture.side
        if self.poses.shape != (places, 3) or not np.isfinite(self.poses).all() or not places:
            raise ValueError(f"poses must be finite, (places, 3), not {self.poses.shape}")
        if self.references.ndim != 4 or self.references.shape[1:] != (places, side, side):
            raise ValueError(
                f"references must be (traversals, {places}, {side}, {side}), "
                f"not {self.references.shape}"
            )
        for network in self.networks:
            covered = sum(module.places for module in network.modules)
            if covered != places or network.mean.shape != (places,):
                raise ValueError(f"a network knows {covered} places, the map has {places}")
            for module in network.modules:
                pixels, features = module.feature.shape[1], module.output.shape[1]
                if pixels != self.picture.size or features != len(module.feature):
                    raise ValueError(
                        f"a network takes {pixels} pixels and {features} features; the map has "
                        f"{self.picture.size} and {len(module.feature)}"
                    )
                if len(module.output) != module.drives * module.places or (
                    module.resting is not None and module.resting.shape != (features,)
                ):
                    raise ValueError("a network's drives or resting amplitudes don't fit its size")

    @property
    def places(self) -> int:
        """How many places there are."""
        return len(self.poses)

    @property
    def identity(self) -> str:
        """Twelve hex digits of a hash over poses and pictures: equal maps have equal ones."""
        digest = hashlib.sha256(self.poses.tobytes())
        digest.update(self.references.tobytes())
        return digest.hexdigest()[:12]


def save_map(place_map: PlaceMap, path: Path) -> None:
    """Write a map; a reader never sees half of it. Raises OSError where that can't be."""
    arrays: dict[str, NDArray[np.generic]] = {
        "poses": place_map.poses,
        "references": place_map.references.astype(np.float16),
    }
    networks = []
    for n, network in enumerate(place_map.networks):
        arrays[f"network{n}/mean"] = network.mean
        arrays[f"network{n}/deviation"] = network.deviation
        networks.append([[module.first, module.drives] for module in network.modules])
        for m, module in enumerate(network.modules):
            arrays[f"network{n}/module{m}/feature"] = module.feature
            arrays[f"network{n}/module{m}/output"] = module.output
            if module.resting is not None:
                arrays[f"network{n}/module{m}/resting"] = module.resting
    about = {
        "format": FORMAT,
        "version": VERSION,
        "picture": dataclasses.asdict(place_map.picture),
        "threshold": {str(length): value for length, value in place_map.threshold.items()},
        "source": place_map.source,
        "networks": networks,
    }
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    with draft.open("wb") as file:
        np.savez(file, about=text, **arrays)  # type: ignore[arg-type]
    draft.replace(path)


def load_map(path: Path) -> PlaceMap:
    """Read a map.

    Raises:
        MapError: the file doesn't exist, isn't a map, is of another version, or is damaged.

    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            about = json.loads(bytes(archive["about"]).decode())
            if not isinstance(about, dict) or about.get("format") != FORMAT:
                raise MapError(f"{path}: is no place map; `spikeloop train place` makes one")
            if about["version"] != VERSION:
                raise MapError(
                    f"{path}: is a map of version {about['version']}, this reads {VERSION}; "
                    "train it again with `spikeloop train place`"
                )
            return PlaceMap(
                poses=archive["poses"],
                references=archive["references"].astype(np.float32),
                networks=tuple(
                    _network(archive, n, modules) for n, modules in enumerate(about["networks"])
                ),
                picture=PictureConfig(**about["picture"]),
                threshold={int(n): float(value) for n, value in about["threshold"].items()},
                source=str(about["source"]),
            )
    except FileNotFoundError:
        raise MapError(
            f"{path}: isn't there; `spikeloop train place --reference FOLDER` makes a map"
        ) from None
    except MapError:
        raise
    except _DAMAGE as error:
        raise MapError(f"{path}: is no place map, or a damaged one: {error}") from error


def _network(archive: np.lib.npyio.NpzFile, n: int, modules: list[list[int]]) -> Network:
    return Network(
        tuple(
            _module(archive, f"network{n}/module{m}", first, drives)
            for m, (first, drives) in enumerate(modules)
        ),
        archive[f"network{n}/mean"],
        archive[f"network{n}/deviation"],
    )


def _module(archive: np.lib.npyio.NpzFile, name: str, first: int, drives: int) -> TemporalModule:
    if int(drives) < 1:
        raise ValueError(f"a module of {drives} drives")
    rest = f"{name}/resting"
    return TemporalModule(
        int(first),
        archive[f"{name}/feature"],
        archive[f"{name}/output"],
        int(drives),
        archive[rest] if rest in archive.files else None,
    )
