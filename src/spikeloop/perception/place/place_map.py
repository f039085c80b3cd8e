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
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeloop.parameters import build_config
from spikeloop.perception.place.ensemble import Network
from spikeloop.perception.place.pictures import PictureConfig
from spikeloop.perception.place.temporal import TemporalModule

VERSION = 3
FORMAT = "spikeloop place map"
SOURCES = ("image", "events")
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
        source: "image" or "events": what the pictures were made of.
        placed: whether anything told the poses; else place n is at x = n.

    Raises:
        ValueError: parts that don't fit each other, or values that aren't finite; names the part.

    """

    poses: NDArray[np.float64]
    references: NDArray[np.float32]
    networks: tuple[Network, ...]
    picture: PictureConfig
    source: str = "image"
    placed: bool = True

    def __post_init__(self) -> None:
        """Refuse what no picture could be recognised by."""
        side = self.picture.side
        _check("poses", self.poses, None, 3)
        places = len(self.poses)
        _check("references", self.references, None, places, side, side)
        if self.source not in SOURCES:
            raise ValueError(f"source must be one of {', '.join(SOURCES)}, not '{self.source}'")
        for n, network in enumerate(self.networks):
            covered = 0
            for m, module in enumerate(network.modules):
                _check_module(f"network{n}/module{m}", module, self.picture.size)
                covered += module.places
            if covered != places:
                raise ValueError(f"network{n} knows {covered} places, the map has {places}")
            _check(f"network{n}/mean", network.mean, places)
            _check(f"network{n}/deviation", network.deviation, places)
            if network.deviation.min() <= 0.0:
                raise ValueError(f"network{n}/deviation must be above 0 at all places")

    @property
    def places(self) -> int:
        """How many places there are."""
        return len(self.poses)

    @cached_property
    def identity(self) -> str:
        """Twelve hex digits of a hash over poses and pictures: equal maps have equal ones.

        Pictures count as a file keeps them, so a map has the same identity before it is saved.
        """
        digest = hashlib.sha256(self.poses.tobytes())
        digest.update(_kept(self.references).astype(np.float32).tobytes())
        return digest.hexdigest()[:12]


def _check(name: str, values: NDArray[np.generic], *shape: int | None) -> None:
    """Refuse another shape (None: any length but 0), and what isn't a finite number."""
    fits = len(shape) == values.ndim and all(
        have > 0 and wanted in (None, have)
        for have, wanted in zip(values.shape, shape, strict=True)
    )
    if not fits:
        sizes = ", ".join("at least 1" if size is None else str(size) for size in shape)
        raise ValueError(f"{name} must be of shape ({sizes}), not {values.shape}")
    if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise ValueError(f"{name} must hold finite numbers only")


def _check_module(name: str, module: TemporalModule, pixels: int) -> None:
    _check(f"{name}/feature", module.feature, None, pixels)
    features = len(module.feature)
    _check(f"{name}/output", module.output, None, features)
    if module.drives < 1 or len(module.output) % module.drives:
        raise ValueError(
            f"{name}/output has {len(module.output)} neurons, which can't be those of "
            f"{module.drives} drives"
        )
    if module.resting is not None:
        _check(f"{name}/resting", module.resting, features)


def _kept(references: NDArray[np.float32]) -> NDArray[np.float16]:
    """Pictures as a file keeps them: half the size, in steps finer than those of 8 bits."""
    return references.astype(np.float16)


def save_map(place_map: PlaceMap, path: Path) -> None:
    """Write a map; a reader never sees half of it. Raises OSError where that can't be."""
    arrays: dict[str, NDArray[np.generic]] = {
        "poses": place_map.poses,
        "references": _kept(place_map.references),
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
        "source": place_map.source,
        "placed": place_map.placed,
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
        MapError: the file doesn't exist, isn't a map, is of another version, or is damaged: its
            parts don't fit each other or hold what isn't finite. Names the file and the part.

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
                references=_floats(archive, "references"),
                networks=tuple(
                    _network(archive, n, modules) for n, modules in enumerate(about["networks"])
                ),
                picture=build_config(PictureConfig, about["picture"], "picture: "),
                source=str(about["source"]),
                placed=bool(about.get("placed", True)),
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
            _module(archive, f"network{n}/module{m}", numbers) for m, numbers in enumerate(modules)
        ),
        archive[f"network{n}/mean"],
        archive[f"network{n}/deviation"],
    )


def _module(archive: np.lib.npyio.NpzFile, name: str, numbers: list[int]) -> TemporalModule:
    first, drives = numbers
    if not isinstance(first, int) or not isinstance(drives, int):
        raise ValueError(f"{name}: first place and drives must be whole numbers, not {numbers}")
    rest = f"{name}/resting"
    return TemporalModule(
        first,
        _floats(archive, f"{name}/feature"),
        _floats(archive, f"{name}/output"),
        drives,
        _floats(archive, rest) if rest in archive.files else None,
    )


def _floats(archive: np.lib.npyio.NpzFile, name: str) -> NDArray[np.float32]:
    """Numbers in 32 bits; what is none, or too large for them, the map then refuses by name."""
    values: NDArray[np.float32] = archive[name]
    if values.dtype.kind not in "fiu":
        return values
    with np.errstate(over="ignore"):
        return values.astype(np.float32, copy=False)
