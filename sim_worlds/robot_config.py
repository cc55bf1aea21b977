"""What a robot in a scene is made of and what blows: all that a mission or the node may choose."""

from pydantic import Field

from snn_core.config import Config
from snn_core.event_camera import EventCameraConfig


class RobotConfig(Config):
    """A blimp with a lidar that looks down, a camera, an event camera and an IMU."""

    dt_s: float = Field(0.1, ge=0.02, le=1, description="period of range, image, IMU and commands (s)")
    frame_s: float = Field(0.02, ge=0.01, le=0.1, description="time between two pictures for the event camera (s)")
    width: int = Field(160, ge=8, le=1024, description="width of the camera (px)")
    height: int = Field(120, ge=8, le=1024, description="height of the camera (px)")
    fov_rad: float = Field(1.2, gt=0.1, le=2.5, description="horizontal field of view of the camera (rad)")
    exposure: float = Field(0.5, gt=0, le=0.9, description="mean brightness that the camera's exposure aims at")
    image_noise: float = Field(2.0, ge=0, le=50, description="standard deviation of a pixel (grey levels)")
    event_width: int = Field(96, ge=8, le=1024, description="width of the event camera (px)")
    event_height: int = Field(72, ge=8, le=1024, description="height of the event camera (px)")
    event_fov_rad: float = Field(1.2, gt=0.1, le=2.5, description="horizontal field of view of the event camera (rad)")
    event_blur_px: float = Field(1.5, ge=1, le=10, description="blur of the event camera's optics (px)")
    event_pitch_rad: float = Field(1.5708, ge=-1.6, le=1.6, description="how far the event camera looks down (rad)")
    event_ahead_m: float = Field(0.0, ge=-10, le=10, description="event camera ahead of the hull's centre (m)")
    events: EventCameraConfig = Field(
        EventCameraConfig.model_construct(threshold=0.08), description="constants of the event camera's pixels"
    )
    lidar_noise_m: float = Field(0.002, ge=0, le=10, description="standard deviation of a range (m)")
    lidar_quantum_m: float = Field(0.01, ge=0, le=10, description="step of the ranges (m)")
    lidar_dropout: float = Field(0.0, ge=0, le=1, description="share of ranges that never arrive")
    lidar_max_m: float = Field(12.0, gt=0, le=1000, description="farthest that the lidar sees (m)")
    gyro_noise_radps: float = Field(0.005, ge=0, le=1, description="standard deviation of a turning rate (rad/s)")
    gyro_bias_radps: float = Field(0.0007, ge=0, le=1, description="standard deviation of the bias left (rad/s)")
    accel_noise_mps2: float = Field(0.03, ge=0, le=10, description="standard deviation of an acceleration (m/s^2)")
    radius_m: float = Field(0.3, gt=0, le=10, description="what comes nearer to the hull's centre line touches it (m)")
    half_length_m: float = Field(0.25, ge=0, le=10, description="half the length of that line (m)")
    near_m: float = Field(0.2, ge=0, le=10, description="free space below which a miss is a near one (m)")
    buoyancy_mps2: float = Field(0.0, ge=-1, le=1, description="buoyancy, negative = heavy (m/s^2)")
    wind_mps: tuple[float, float] = Field((0.0, 0.0), description="mean wind along x and y of the world (m/s)")
    draft_mps: float = Field(0.02, ge=0, le=1, description="standard deviation of the drafts (m/s)")
