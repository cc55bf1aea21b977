"""Settings of velocity over ground in a robot's loop, and what the coordinator may ask of them."""

from typing import TypeVar

from pydantic import Field

from snn_core.reading_check import ReadingConfig
from snn_core.sensing import SensingOrder
from snn_perception.motion.ground_odometer import GroundFlowConfig, GroundOdometerConfig
from snn_perception.motion.motion_estimator import MotionConfig


class VelocityLoopConfig(GroundFlowConfig, MotionConfig, ReadingConfig):
    """How events are cut into periods, and which heights and turning rates belong to them."""

    budget: int = Field(300, ge=10, le=1_000_000, description="patches of a period that are judged at most")
    align: int = Field(
        7000, ge=0, le=1_000_000, description="events at most that refine a motion, 0 = as the layer found it"
    )
    rate_hz: float = Field(10.0, ge=0.1, le=100, description="velocities per second of the camera's time, at most (Hz)")
    focal_px: float = Field(0.0, ge=0, le=100_000, description="focal length without camera_info, 0 = none (px)")
    width: int = Field(640, ge=1, le=8192, description="sensor width, for point clouds, which do not tell (px)")
    height: int = Field(480, ge=1, le=8192, description="sensor height, for point clouds (px)")
    mask_hot_pixels: bool = Field(True, description="leave out pixels that are far busier than the busy ones")
    max_gap_s: float = Field(0.5, gt=0, le=100, description="a gap between events that starts anew (s)")
    max_event_age_s: float = Field(0.5, gt=0, le=10, description="oldest period of events that is used (s)")
    max_wait_s: float = Field(1.0, gt=0, le=10, description="packets that waited longer are dropped (s)")
    max_height_age_s: float = Field(0.5, gt=0, le=10, description="largest distance in time of the height used (s)")
    max_rates_age_s: float = Field(0.2, gt=0, le=10, description="the same of the turning rates used (s)")
    least_error_mps: float = Field(0.025, ge=0, le=10, description="standard deviation beyond what events tell (m/s)")
    scale_error: float = Field(0.01, ge=0, le=1, description="the same of height over focal length, as a share of it")
    tilt_rate_radps: float = Field(
        0.1, ge=0, le=10, description="standard deviation of pitch and roll rates, where no imu tells them (rad/s)"
    )
    complain_after_s: float = Field(2.0, gt=0, le=3600, description="silence of a sensor's driver that is named (s)")


C = TypeVar("C", bound=VelocityLoopConfig)


def slowed(config: C, order: SensingOrder | None) -> C:
    """Settings under the order of the event camera's stream, which asks for fewer periods and never for more.

    Its region of interest is not followed: the ground is looked at as a whole.
    """
    return config if order is None else config.model_copy(update={"rate_hz": min(config.rate_hz, order.rate_hz)})


def odometer_config(config: VelocityLoopConfig) -> GroundOdometerConfig:
    """The part of the settings that is the odometer's."""
    motion = {name: getattr(config, name) for name in MotionConfig.model_fields}
    flow = {name: getattr(config, name) for name in GroundFlowConfig.model_fields}
    return GroundOdometerConfig(motion=MotionConfig(**motion), **flow)
