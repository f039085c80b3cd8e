"""What Gazebo's elements say of a robot: sensors and the plugin of its drive.

SDF has them in links and models, URDF in <gazebo>; both are read here.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable

from spikeloop.parameters import ParameterError, build_config, parameters_of
from spikeloop_sim.diff_drive_config import DiffDriveConfig
from spikeloop_sim.model_files.parts import ModelFileError, Parts
from spikeloop_sim.robot_model import Mount, RobotModel
from spikeloop_sim.robot_wheels import Drive

_LIDARS = ("gpu_lidar", "lidar", "ray", "gpu_ray")
_CAMERAS = ("camera", "wideanglecamera", "wide_angle_camera", "depth_camera", "depth",
            "rgbd_camera", "rgbd", "dvs")  # fmt: skip
_EVENT_WORDS = ("event", "dvs", "davis")
_WHOLE = 0.97
"""Part of a circle from which a scan counts as all around."""
_SPEEDS = {
    "max_linear_velocity": "speed",
    "max_angular_velocity": "turn_rate",
    "max_linear_acceleration": "acceleration",
    "max_angular_acceleration": "turn_acceleration",
    "max_wheel_torque": "motor_torque",
    "torque": "motor_torque",
}


def read_drive(plugins: Iterable[ET.Element], model: RobotModel, parts: Parts) -> None:
    """Take over the first plugin of a differential drive.

    Read are those of Gazebo (`gz-sim-diff-drive-system`, `ignition-gazebo-diff-drive-system`) and
    `libgazebo_ros_diff_drive.so` of ROS 1 and 2.

    Raises:
        ModelFileError: it lacks its joints, or a value isn't a number.

    """
    for plugin in plugins:
        name = plugin.get("filename") or plugin.get("name") or ""
        flat = name.lower().replace("-", "_")
        if "diff_drive" not in flat and "diffdrive" not in flat:
            continue
        where = f"plugin '{name}'"
        left, right = (_joints(plugin, side) for side in ("left", "right"))
        if not left or not right:
            raise ModelFileError(f"{model.file}: {where} lacks its <left_joint> or <right_joint>")
        separation = _first(plugin, ("wheel_separation", "wheelSeparation"), parts, where)
        radius = _first(plugin, ("wheel_radius",), parts, where)
        across = _first(plugin, ("wheel_diameter", "wheelDiameter"), parts, where)
        if radius is None and across is not None:
            radius = 0.5 * across
        model.drive = Drive(name, left, right, separation, radius)
        for tag, parameter in _SPEEDS.items():
            value = parts.number(plugin, tag, where)
            if value is not None and value > 0.0:
                _want(model, parameter, value, f"{where}: <{tag}>")
        back = parts.number(plugin, "min_linear_velocity", where)
        if back is not None and back <= 0.0:
            _want(model, "speed_back", -back, f"{where}: <min_linear_velocity>")
        return


def read_sensor(sensor: ET.Element, mount: Mount, model: RobotModel, parts: Parts) -> None:
    """Take over a <sensor>: the first IMU, LiDAR, camera and event camera; the rest is told."""
    kind, name = sensor.get("type", ""), sensor.get("name", "")
    where = f"sensor '{name}'"
    if kind == "imu":
        ours = "imu"
    elif kind in _LIDARS:
        ours = "lidar"
    elif kind in _CAMERAS:
        is_event = kind == "dvs" or any(word in name.lower() for word in _EVENT_WORDS)
        ours = "event_camera" if is_event else "camera"
    else:
        model.told.append(f"{where}: of type '{kind}', is left out")
        return
    if ours in model.mounts:
        model.told.append(
            f"{where}: is left out, for there is a {ours.replace('_', ' ')} before it"
        )
        return
    model.mounts[ours] = mount
    if ours == "lidar":
        _lidar(sensor, model, parts, where)
    elif ours != "imu":
        _camera(sensor, ours, model, parts, where)


def _joints(plugin: ET.Element, side: str) -> tuple[str, ...]:
    found = [*plugin.findall(f"{side}_joint"), *plugin.findall(f"{side}Joint")]
    return tuple(text for joint in found if (text := (joint.text or "").strip()))


def _first(plugin: ET.Element, tags: Iterable[str], parts: Parts, where: str) -> float | None:
    for tag in tags:
        value = parts.number(plugin, tag, where)
        if value is not None:
            if not value > 0.0 or not math.isfinite(value):
                raise ModelFileError(f"{parts.file}: {where}: <{tag}> {value:g} must be above 0")
            return value
    return None


def _lidar(sensor: ET.Element, model: RobotModel, parts: Parts, where: str) -> None:
    for block in (sensor.find("lidar"), sensor.find("ray")):
        scan = None if block is None else block.find("scan")
        if scan is None:
            continue
        around, rows = scan.find("horizontal"), scan.find("vertical")
        samples = None if around is None else parts.number(around, "samples", where)
        if around is not None and samples is not None:
            low, high = (parts.number(around, f"{end}_angle", where) for end in ("min", "max"))
            part = 1.0 if low is None or high is None else (high - low) / (2.0 * math.pi)
            if 0.0 < part < _WHOLE:
                model.told.append(f"{where}: looks all around, not over {360 * part:.0f} degrees")
            whole = samples / part if 0.0 < part < _WHOLE else samples
            _want(model, "lidar_columns", round(whole), f"{where}: its samples around")
        count = 1.0 if rows is None else parts.number(rows, "samples", where) or 1.0
        _want(model, "lidar_rows", round(count), f"{where}: its rows")
        ends = (0.0, 0.0)
        if rows is not None and count > 1.0:
            ends = (
                parts.number(rows, "min_angle", where) or 0.0,
                parts.number(rows, "max_angle", where) or 0.0,
            )
        _want(model, "lidar_down_deg", math.degrees(min(ends)), f"{where}: its lowest row")
        _want(model, "lidar_up_deg", math.degrees(max(ends)), f"{where}: its highest row")
        return


def _camera(sensor: ET.Element, ours: str, model: RobotModel, parts: Parts, where: str) -> None:
    camera = sensor.find("camera")
    if camera is None:
        return
    field = parts.number(camera, "horizontal_fov", where)
    if field is not None:
        _want(model, "field_deg", math.degrees(field), f"{where}: its field")
    image = camera.find("image")
    prefix = "event" if ours == "event_camera" else "camera"
    for side in ("width", "height") if image is not None else ():
        assert image is not None
        size = parts.number(image, side, where)
        if size is not None:
            _want(model, f"{prefix}_{side}", round(size), f"{where}: its {side}")


def _want(model: RobotModel, name: str, value: object, what: str) -> None:
    """Take a parameter over if it can have that value, else tell that it stays as it is."""
    kind = parameters_of(DiffDriveConfig)[name].default
    wanted = float(value) if isinstance(kind, float) else value  # type: ignore[arg-type]
    try:
        build_config(DiffDriveConfig, {name: wanted})
    except ParameterError as error:
        model.told.append(f"{what} isn't taken over: {error}")
        return
    model.settings[name] = wanted
