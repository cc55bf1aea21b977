"""Which part of the image a node looks at; the coordinator may change it in flight."""

from pydantic import Field, ValidationInfo, field_validator

from snn_core.config import Config


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
