"""Let the CMake files of the ROS 2 wheels name this machine's headers."""

from __future__ import annotations

import re
import sys
import sysconfig
from pathlib import Path

import numpy as np

PYTHON = re.compile(r"/opt/python/cp\d+-cp\d+/include/python3\.\d+")
NUMPY = re.compile(r"/opt/python/cp\d+-cp\d+/lib/python3\.\d+/site-packages/numpy/_core/include")


def main() -> None:
    """Rewrite share/**/*.cmake of this virtual environment."""
    headers = sysconfig.get_paths()["include"]
    for path in (Path(sys.prefix) / "share").glob("**/*.cmake"):
        text = path.read_text(encoding="utf-8")
        fixed = PYTHON.sub(headers, NUMPY.sub(np.get_include(), text))
        if fixed != text:
            path.write_text(fixed, encoding="utf-8")


if __name__ == "__main__":
    main()
