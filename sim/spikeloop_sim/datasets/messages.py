"""ROS messages of a recording, as CDR, without ROS: all types come from rosbags' definitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from scipy.spatial.transform import Rotation

from spikeloop.events.calibration import Camera
from spikeloop.events.packet_encoder import Encoded
from spikeloop.events.recording import EVENT_PACKET, FIELDS
from spikeloop_sim.event_camera.optics import Pose
from spikeloop_sim.objects import Box
from spikeloop_sim.true_view import TrueView

VISION = {
    "Point2D": "float64 x\nfloat64 y\n",
    "Pose2D": "vision_msgs/Point2D position\nfloat64 theta\n",
    "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y\n",
    "ObjectHypothesis": "string class_id\nfloat64 score\n",
    "ObjectHypothesisWithPose": (
        "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose\n"
    ),
    "Detection2D": (
        "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
        "vision_msgs/BoundingBox2D bbox\nstring id\n"
    ),
    "Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections\n",
}
"""Fields as in vision_msgs 4, which rosbags lacks."""


def make_store() -> Any:
    """A type store with all that is needed."""
    store = get_typestore(Stores.ROS2_JAZZY)
    types = get_types_from_msg(FIELDS, EVENT_PACKET)
    for name, text in VISION.items():
        types |= get_types_from_msg(text, f"vision_msgs/msg/{name}")
    store.register(types)
    return store


class Messages:
    """Makes messages; stamps are ns, frames as REP-105 has them."""

    def __init__(self, new: Callable[..., Any] | None = None) -> None:
        """Load the definitions, unless messages are made by somebody else's.

        Args:
            new: makes a message of a kind such as "sensor_msgs/Image" from its fields, by keyword;
                of rosbags' types where None.

        """
        self.store: Any = make_store() if new is None else None
        self._new = new or self._of_store

    def _of_store(self, kind: str, **fields: Any) -> Any:
        package, _, name = kind.partition("/")
        return self.store.types[f"{package}/msg/{name}"](**fields)

    def truth(self, topic: str, stamp_ns: int, frame: str, view: TrueView) -> Any:
        """The message of a topic of ground truth, by its relative name.

        Args:
            topic: one of `TRUTH`.
            stamp_ns: of the packet of events that ends at this time.
            frame: of the camera.
            view: the truth.

        """
        truth, stereo = view.truth, view.stereo
        if topic == "truth/depth":
            return self.image(stamp_ns, frame, "32FC1", truth.depth)
        if topic == "truth/flow":
            return self.image(stamp_ns, frame, "32FC2", truth.flow)
        if topic == "truth/disparity":
            focal, baseline = stereo.lens.fx, stereo.baseline_m
            return self.disparity(stamp_ns, frame, view.disparity, focal, baseline)
        if topic == "truth/instances":
            return self.image(stamp_ns, frame, "16UC1", view.instances)
        if topic == "truth/motion_mask":
            mask = truth.independent.astype(np.uint8) * 255
            return self.image(stamp_ns, frame, "mono8", mask)
        if topic == "truth/objects":
            return self.detections(stamp_ns, frame, view.boxes)
        if topic == "truth/camera_pose":
            return self.pose(stamp_ns, "map", view.pose)
        raise KeyError(f"no ground truth is called '{topic}'")

    def header(self, stamp_ns: int, frame: str) -> Any:
        """A std_msgs/Header."""
        sec, nanosec = divmod(stamp_ns, 1_000_000_000)
        time = self._new("builtin_interfaces/Time", sec=sec, nanosec=nanosec)
        return self._new("std_msgs/Header", stamp=time, frame_id=frame)

    def events(
        self, stamp_ns: int, frame: str, size: tuple[int, int], seq: int, data: Encoded
    ) -> Any:
        """An EventPacket in evt3 of a sensor of (width, height)."""
        return self._new(
            "event_camera_msgs/EventPacket",
            header=self.header(stamp_ns, frame),
            height=size[1],
            width=size[0],
            seq=seq,
            time_base=data.time_base,
            encoding="evt3",
            is_bigendian=False,
            events=data.data,
        )

    def image(self, stamp_ns: int, frame: str, encoding: str, pixels: NDArray[Any]) -> Any:
        """A sensor_msgs/Image of a (h, w) or (h, w, channels) array."""
        pixels = np.ascontiguousarray(pixels)
        return self._new(
            "sensor_msgs/Image",
            header=self.header(stamp_ns, frame),
            height=pixels.shape[0],
            width=pixels.shape[1],
            encoding=encoding,
            is_bigendian=0,
            step=pixels.strides[0],
            data=pixels.view(np.uint8).reshape(-1),
        )

    def camera_info(self, stamp_ns: int, frame: str, camera: Camera) -> Any:
        """A sensor_msgs/CameraInfo."""
        region = self._new(
            "sensor_msgs/RegionOfInterest",
            x_offset=0, y_offset=0, height=0, width=0, do_rectify=False,
        )  # fmt: skip
        return self._new(
            "sensor_msgs/CameraInfo",
            header=self.header(stamp_ns, frame),
            height=camera.height,
            width=camera.width,
            distortion_model=camera.model,
            d=camera.distortion,
            k=camera.matrix.reshape(-1),
            r=camera.rotation.reshape(-1),
            p=camera.projection.reshape(-1),
            binning_x=0,
            binning_y=0,
            roi=region,
        )

    def disparity(
        self, stamp_ns: int, frame: str, pixels: NDArray[np.float32], focal: float, baseline: float
    ) -> Any:
        """A stereo_msgs/DisparityImage; unknown pixels are NaN."""
        known = pixels[np.isfinite(pixels)]
        region = self._new(
            "sensor_msgs/RegionOfInterest",
            x_offset=0, y_offset=0, height=pixels.shape[0], width=pixels.shape[1],
            do_rectify=False,
        )  # fmt: skip
        return self._new(
            "stereo_msgs/DisparityImage",
            header=self.header(stamp_ns, frame),
            image=self.image(stamp_ns, frame, "32FC1", pixels),
            f=focal,
            t=baseline,
            valid_window=region,
            min_disparity=float(known.min()) if len(known) else 0.0,
            max_disparity=float(known.max()) if len(known) else 0.0,
            delta_d=0.0,
        )

    def detections(self, stamp_ns: int, frame: str, boxes: Sequence[Box]) -> Any:
        """A vision_msgs/Detection2DArray; `id` is the number of the instance mask."""
        header = self.header(stamp_ns, frame)
        found = []
        for box in boxes:
            middle = self._new(
                "vision_msgs/Point2D", x=box.x + 0.5 * box.width, y=box.y + 0.5 * box.height
            )
            pose = self._new("vision_msgs/Pose2D", position=middle, theta=0.0)
            result = self._new(
                "vision_msgs/ObjectHypothesisWithPose",
                hypothesis=self._new("vision_msgs/ObjectHypothesis", class_id=box.label, score=1.0),
                pose=self._new(
                    "geometry_msgs/PoseWithCovariance",
                    pose=self._pose((0.0, 0.0, box.depth), (0.0, 0.0, 0.0, 1.0)),
                    covariance=np.zeros(36),
                ),
            )
            found.append(
                self._new(
                    "vision_msgs/Detection2D",
                    header=header,
                    results=[result],
                    bbox=self._new(
                        "vision_msgs/BoundingBox2D",
                        center=pose, size_x=box.width, size_y=box.height,
                    ),
                    id=str(box.number),
                )
            )  # fmt: skip
        return self._new("vision_msgs/Detection2DArray", header=header, detections=found)

    def _vector(self, kind: str, values: Sequence[float]) -> Any:
        x, y, z = (float(value) for value in values)
        return self._new(kind, x=x, y=y, z=z)

    def _turn(self, quaternion: Sequence[float]) -> Any:
        x, y, z, w = (float(value) for value in quaternion)
        return self._new("geometry_msgs/Quaternion", x=x, y=y, z=z, w=w)

    def _pose(self, position: Sequence[float], quaternion: Sequence[float]) -> Any:
        return self._new(
            "geometry_msgs/Pose",
            position=self._vector("geometry_msgs/Point", position),
            orientation=self._turn(quaternion),
        )

    def pose(self, stamp_ns: int, frame: str, pose: Pose) -> Any:
        """A geometry_msgs/PoseStamped in `frame`."""
        quaternion = Rotation.from_matrix(pose.rotation).as_quat()
        return self._new(
            "geometry_msgs/PoseStamped",
            header=self.header(stamp_ns, frame),
            pose=self._pose(pose.position.tolist(), quaternion.tolist()),
        )

    def transforms(self, stamp_ns: int, tree: Sequence[tuple[str, str, Pose]]) -> Any:
        """A tf2_msgs/TFMessage of (parent, child, pose of the child in the parent)."""
        found = []
        for parent, child, pose in tree:
            transform = self._new(
                "geometry_msgs/Transform",
                translation=self._vector("geometry_msgs/Vector3", pose.position.tolist()),
                rotation=self._turn(Rotation.from_matrix(pose.rotation).as_quat().tolist()),
            )
            found.append(
                self._new(
                    "geometry_msgs/TransformStamped",
                    header=self.header(stamp_ns, parent),
                    child_frame_id=child,
                    transform=transform,
                )
            )
        return self._new("tf2_msgs/TFMessage", transforms=found)

    def imu(self, stamp_ns: int, frame: str, rates: Sequence[float], force: Sequence[float]) -> Any:
        """A sensor_msgs/Imu without orientation."""
        unknown = np.zeros(9)
        unknown[0] = -1.0
        return self._new(
            "sensor_msgs/Imu",
            header=self.header(stamp_ns, frame),
            orientation=self._turn((0.0, 0.0, 0.0, 1.0)),
            orientation_covariance=unknown,
            angular_velocity=self._vector("geometry_msgs/Vector3", rates),
            angular_velocity_covariance=np.zeros(9),
            linear_acceleration=self._vector("geometry_msgs/Vector3", force),
            linear_acceleration_covariance=np.zeros(9),
        )

    def cloud(self, stamp_ns: int, frame: str, points: NDArray[Any]) -> Any:
        """A sensor_msgs/PointCloud2 of (n,) or (rows, n) records of numbers."""
        numbers = {"int8": 1, "uint8": 2, "int16": 3, "uint16": 4, "int32": 5, "uint32": 6,
                   "float32": 7, "float64": 8}  # fmt: skip
        fields = points.dtype.fields
        assert fields is not None
        made = [
            self._new(
                "sensor_msgs/PointField",
                name=name, offset=offset, datatype=numbers[kind.name], count=1,
            )
            for name, (kind, offset, *_) in fields.items()
        ]  # fmt: skip
        rows = np.ascontiguousarray(np.atleast_2d(points))
        return self._new(
            "sensor_msgs/PointCloud2",
            header=self.header(stamp_ns, frame),
            height=rows.shape[0],
            width=rows.shape[1],
            fields=made,
            is_bigendian=False,
            point_step=rows.itemsize,
            row_step=rows.strides[0],
            data=rows.view(np.uint8).reshape(-1),
            is_dense=False,
        )
