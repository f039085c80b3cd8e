"""Where what isn't code lies: launch files, configs and weights."""

from __future__ import annotations

import os
from pathlib import Path

from spikeloop.parameters import suggestion


class UnknownWeightsError(ValueError):
    """There are no weights of that name; the message names the nearest."""


def share_directory() -> Path:
    """Folder with `launch`, `config` and `weights`: the installed one, or the source tree."""
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        share = Path(prefix) / "share" / "spikeloop"
        if prefix and (share / "config").is_dir():
            return share
    return Path(__file__).resolve().parents[2]


def weights_file(name: str, suffix: str) -> Path:
    """File of weights by name, or by its path.

    Args:
        name: such as "spiking_pid_blimp", or a path that ends with `suffix`.
        suffix: such as ".npz".

    Raises:
        UnknownWeightsError: there is no such file.

    """
    if name.endswith(suffix):
        if Path(name).is_file():
            return Path(name)
        raise UnknownWeightsError(f"no weights at {name}")
    known = {path.stem: path for path in sorted((share_directory() / "weights").glob(f"*{suffix}"))}
    if name not in known:
        raise UnknownWeightsError(
            f"unknown weights '{name}'{suggestion(name, known)}; "
            f"there are: {', '.join(known) or 'none'}"
        )
    return known[name]
