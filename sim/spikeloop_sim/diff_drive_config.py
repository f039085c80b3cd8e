"""Parameters of the simulated differential-drive robot."""

from __future__ import annotations

from dataclasses import dataclass

from spikeloop.parameters import parameter


@dataclass(frozen=True)
class DiffDriveConfig:
    """A small indoor robot: two driven wheels, two casters, LiDAR, IMU, cameras."""

    speed: float = parameter(1.0, "Largest speed forward.", unit="m/s", low=0.05, high=3.0)
    speed_back: float = parameter(0.3, "Largest speed backward.", unit="m/s", low=0.0, high=3.0)
    turn_rate: float = parameter(2.0, "Largest turn rate.", unit="rad/s", low=0.1, high=8.0)
    acceleration: float = parameter(
        1.0, "Largest change of speed that the base allows.", unit="m/s^2", low=0.05, high=20.0
    )
    turn_acceleration: float = parameter(
        4.0, "Largest change of the turn rate.", unit="rad/s^2", low=0.1, high=50.0
    )
    grip_low: float = parameter(
        0.5, "Least friction of a wheel on the ground; drawn for each wheel.", low=0.02, high=2.0
    )
    grip_high: float = parameter(0.9, "Greatest friction, as grip_low.", low=0.02, high=2.0)
    motor_torque: float = parameter(3.0, "Largest torque of a wheel.", unit="N m", low=0.1)
    encoder_steps: int = parameter(4096, "Steps of an encoder in a turn of its wheel.", low=8)
    radius_error: float = parameter(
        0.001,
        "Standard deviation of each wheel's radius, as a part of it, of which odometry knows "
        "nothing: what is left of a calibration.",
        low=0.0,
        high=0.2,
    )
    track_error: float = parameter(0.005, "The same for the track.", low=0.0, high=0.2)
    odometry_gyro: bool = parameter(
        True, "Whether odometry takes its heading from the gyroscope, not from the wheels."
    )
    lidar: str = parameter(
        "spinning",
        "Pattern of the LiDAR, or none.",
        choices=("none", "spinning", "rosette", "raster"),
    )
    lidar_rows: int = parameter(16, "Rows of the LiDAR.", low=1, high=128)
    lidar_columns: int = parameter(512, "Pulses of a row in a scan.", low=8, high=4096)
    lidar_up_deg: float = parameter(
        15.0, "Highest row of the LiDAR.", unit="deg", low=-90.0, high=90.0
    )
    lidar_down_deg: float = parameter(-15.0, "Its lowest row.", unit="deg", low=-90.0, high=90.0)
    lidar_rolls: bool = parameter(
        True, "Whether the robot moves on during a scan, as it does, or stands for it."
    )
    rain: float = parameter(0.0, "Rain, for the LiDAR.", unit="mm/h", low=0.0, high=200.0)
    event_camera: bool = parameter(True, "Whether there is an event camera.")
    event_width: int = parameter(173, "Columns of the event camera.", low=16, high=1280)
    event_height: int = parameter(130, "Rows of the event camera.", low=16, high=720)
    truth: int = parameter(
        0,
        "Ground truth on the topics truth/... with every so many packets of events; 0 for none. "
        "It costs three pictures each time.",
        low=0,
        high=1000,
    )
    truth_baseline: float = parameter(
        0.12,
        "Distance of the second camera, to the right, that truth/disparity is for.",
        unit="m",
        low=0.001,
        high=10.0,
    )
    camera: bool = parameter(True, "Whether there is a frame camera, at the same place.")
    camera_width: int = parameter(240, "Columns of the frame camera.", low=16, high=1280)
    camera_height: int = parameter(180, "Rows of the frame camera.", low=16, high=960)
    field_deg: float = parameter(
        80.0, "Horizontal field of both cameras.", unit="deg", low=20.0, high=140.0
    )

    def __post_init__(self) -> None:
        """Refuse bounds in the wrong order."""
        if self.grip_low > self.grip_high:
            raise ValueError(
                f"grip_low ({self.grip_low:g}) is above grip_high ({self.grip_high:g})"
            )
        if self.truth and not self.event_camera:
            raise ValueError("truth is that of the event camera, and event_camera is false")
        if self.lidar_down_deg > self.lidar_up_deg:
            raise ValueError(
                f"lidar_down_deg ({self.lidar_down_deg:g}) is above lidar_up_deg "
                f"({self.lidar_up_deg:g})"
            )
