"""Builds message packages from the definitions in a bag, into a cache, with the tools of ROS 2.

So types that nobody installed can be published: rosidl makes of them what it makes of any message.
It takes a compiler, CMake and some seconds a package, once for each set of definitions.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

LINE = "=" * 80
BUILD_TIMEOUT_S = 600
DONE = "built"


class BuildError(RuntimeError):
    """The packages can't be built; the message says what is missing or went wrong."""


def cache_folder() -> Path:
    """Where built packages are kept, by the user's XDG_CACHE_HOME."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "spikeloop" / "messages"


def split_definition(kind: str, text: str) -> dict[str, str]:
    """The definition of each type in a bag's text, by name such as "std_msgs/msg/Header"."""
    parts = re.split(r"^=+\n(?:MSG|IDL): *", text, flags=re.MULTILINE)
    found = {kind: parts[0]}
    for part in parts[1:]:
        name, _, body = part.partition("\n")
        pieces = name.strip().split("/")
        found[f"{pieces[0]}/msg/{pieces[-1]}"] = body
    return found


def packages_of(definitions: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Definitions by package and name of the type."""
    packages: dict[str, dict[str, str]] = {}
    for kind, text in definitions.items():
        package, _, name = kind.split("/")
        packages.setdefault(package, {})[name] = text
    return packages


def build(definitions: Mapping[str, str], installed: Iterable[str]) -> Path:
    """Build the packages that aren't installed; the folder they are installed in.

    Args:
        definitions: of all types, those that they use included.
        installed: packages that are there and mustn't be built.

    Raises:
        BuildError: a tool is missing, or the build fails; the message ends with its last lines.

    """
    there = set(installed)
    packages = {p: t for p, t in packages_of(definitions).items() if p not in there}
    text = repr((sorted((p, sorted(t.items())) for p, t in packages.items()), sys.version_info[:2]))
    folder = cache_folder() / hashlib.sha256(text.encode()).hexdigest()[:16]
    prefix = folder / "install"
    if (folder / DONE).exists():
        return prefix
    tool = shutil.which("cmake", path=_before("PATH", Path(sys.executable).parent))
    if tool is None:
        raise BuildError("CMake isn't installed (apt install cmake g++, or pip install cmake)")
    for package in _in_order(packages):
        _write(folder / package, package, packages[package])
        _make(tool, folder / package, prefix)
    (folder / DONE).touch()
    return prefix


def load(prefix: Path, packages: Iterable[str]) -> None:
    """Let this process import packages built into `prefix`, and its ROS find their libraries."""
    for name, part in (("AMENT_PREFIX_PATH", prefix), ("LD_LIBRARY_PATH", prefix / "lib")):
        os.environ[name] = _before(name, part)
    for site in sorted(prefix.glob("l*/python3*/*-packages")):
        if str(site) not in sys.path:
            sys.path.insert(0, str(site))
    # The loader took its path when the process began; what is loaded is found by its name.
    waiting = [p for package in packages for p in sorted((prefix / "lib").glob(f"lib{package}__*"))]
    while waiting:
        left = [path for path in waiting if not _loaded(path)]
        if len(left) == len(waiting):
            return
        waiting = left


def _before(name: str, part: Path | str) -> str:
    """The environment's list `name` with a part before it."""
    rest = os.environ.get(name, "")
    return os.pathsep.join([str(part), *([rest] if rest else [])])


def _loaded(path: Path) -> bool:
    try:
        ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)
    except OSError:
        return False  # another one has to come before it
    return True


def uses(text: str) -> set[str]:
    """Packages of the types that a definition uses."""
    found = set()
    for line in text.splitlines():
        match = re.match(r"\s*([a-z][a-z0-9_]*)/(?:msg/)?[A-Z]\w*", line)
        if match:
            found.add(match[1])
    return found


def _in_order(packages: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Each package behind those that it uses."""
    order: list[str] = []

    def visit(package: str) -> None:
        if package in order or package not in packages:
            return
        for used in sorted({u for text in packages[package].values() for u in uses(text)}):
            if used != package:
                visit(used)
        order.append(package)

    for package in sorted(packages):
        visit(package)
    return order


def _write(folder: Path, package: str, definitions: Mapping[str, str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "msg").mkdir(parents=True)
    for name, text in definitions.items():
        (folder / "msg" / f"{name}.msg").write_text(text, encoding="utf-8")
    used = sorted({u for text in definitions.values() for u in uses(text)} - {package})
    depends = "".join(f"  <depend>{name}</depend>\n" for name in used)
    (folder / "package.xml").write_text(
        '<?xml version="1.0"?>\n<package format="3">\n'
        f"  <name>{package}</name>\n  <version>0.0.0</version>\n"
        "  <description>Made from the definitions in a bag</description>\n"
        '  <maintainer email="none@example.org">none</maintainer>\n'
        "  <license>as the original</license>\n"
        "  <buildtool_depend>ament_cmake</buildtool_depend>\n"
        "  <build_depend>rosidl_default_generators</build_depend>\n"
        f"{depends}"
        "  <member_of_group>rosidl_interface_packages</member_of_group>\n"
        "  <export><build_type>ament_cmake</build_type></export>\n</package>\n",
        encoding="utf-8",
    )
    files = " ".join(f'"msg/{name}.msg"' for name in sorted(definitions))
    finds = "".join(f"find_package({name} REQUIRED)\n" for name in used)
    (folder / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.19)\nproject({package})\n"
        "find_package(ament_cmake REQUIRED)\nfind_package(rosidl_default_generators REQUIRED)\n"
        f"{finds}rosidl_generate_interfaces({package} {files}"
        f"{' DEPENDENCIES ' + ' '.join(used) if used else ''})\nament_package()\n",
        encoding="utf-8",
    )


def _make(cmake: str, source: Path, prefix: Path) -> None:
    bin_folder = str(Path(sys.executable).parent)
    environment = os.environ | {
        "PATH": _before("PATH", bin_folder),
        "AMENT_PREFIX_PATH": _before("AMENT_PREFIX_PATH", prefix),
        "PYTHONPATH": _before("PYTHONPATH", sysconfig.get_path("purelib")),
    }
    generator = ["-GNinja"] if shutil.which("ninja", path=environment["PATH"]) else []
    prefixes = environment["AMENT_PREFIX_PATH"].replace(os.pathsep, ";")
    commands = (
        [
            cmake, "-S", str(source), "-B", str(source / "build"), *generator,
            "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_TESTING=OFF",
            f"-DCMAKE_INSTALL_PREFIX={prefix}", f"-DCMAKE_PREFIX_PATH={prefixes}",
            f"-DCMAKE_INSTALL_RPATH={prefix / 'lib'}", "-DCMAKE_INSTALL_RPATH_USE_LINK_PATH=ON",
            f"-DPython3_EXECUTABLE={sys.executable}",
        ],
        [cmake, "--build", str(source / "build")],
        [cmake, "--install", str(source / "build")],
    )  # fmt: skip
    for command in commands:
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            raise BuildError(f"{source.name}: took more than {BUILD_TIMEOUT_S} s") from None
        if done.returncode:
            lines = (done.stdout + done.stderr).strip().splitlines()[-8:]
            raise BuildError(f"{source.name}: the build fails: " + " | ".join(lines))
