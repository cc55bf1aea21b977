"""Which part of the image a node looks at; the coordinator may change it in flight."""

from typing import TypeVar

from pydantic import Field, ValidationInfo, field_validator

from snn_core.config import Config
from snn_core.sensing import SensingOrder


class RegionOfInterestConfig(Config):
    """A rectangle as fractions of the image, so that it fits any camera."""

    roi_left: float = Field(0.0, ge=0, lt=1, description="left edge of the region of interest (fraction of the width)")
    roi_top: float = Field(0.0, ge=0, lt=1, description="top edge of it (fraction of the height)")
    roi_right: float = Field(1.0, gt=0, le=1, validate_default=True, description="right edge of it (fraction)")
    roi_bottom: float = Field(1.0, gt=0, le=1, validate_default=True, description="bottom edge of it (fraction)")

    @field_validator("roi_right", "roi_bottom")
    @classmethod
    def _not_empty(cls, value: float, info: ValidationInfo) -> float:
        low = {"roi_right": "roi_left", "roi_bottom": "roi_top"}[str(info.field_name)]
        if value <= info.data.get(low, 0.0):
            raise ValueError(f"expected more than {low} = {info.data[low]}, or the region of interest is empty")
        return value


C = TypeVar("C", bound=RegionOfInterestConfig)


def under_order(config: C, order: SensingOrder | None) -> C:
    """Settings under a sensing order, which asks for less and never for more; without one the settings themselves.

    A region that lies outside the configured one leaves the configured one.
    """
    if order is None:
        return config
    left, top = max(config.roi_left, order.region[0]), max(config.roi_top, order.region[1])
    right, bottom = min(config.roi_right, order.region[2]), min(config.roi_bottom, order.region[3])
    rates = ("rate_hz", "turn_rate_hz")
    asked: dict[str, float | int] = {name: min(getattr(config, name, order.rate_hz), order.rate_hz) for name in rates}
    if left < right and top < bottom:
        asked |= {"roi_left": left, "roi_top": top, "roi_right": right, "roi_bottom": bottom}
    if order.time_steps:
        asked["max_time_steps"] = order.time_steps
    return config.model_copy(update={key: value for key, value in asked.items() if key in type(config).model_fields})
