"""Can an image be believed? Black, saturated and featureless ones, and ones that stand still, show no place."""

import numpy as np
from pydantic import Field

from snn_core.config import Config
from snn_perception.places.images import Images


class TrustConfig(Config):
    """What an image must show to be believed."""

    min_contrast: float = Field(3.0, ge=0, le=127, description="least standard deviation of brightness (grey levels)")
    max_clipped: float = Field(0.9, ge=0, le=1, description="largest share of black and of white pixels together")
    max_frozen: int = Field(30, ge=1, le=1_000_000, description="identical images in a row that are believed")


BLACK, WHITE = 4, 251  # grey levels that count as clipped


def distrust(image: Images, config: TrustConfig) -> str:
    """Why an image (row, column) shows no place; empty where it may."""
    clipped = float(np.mean((image <= BLACK) | (image >= WHITE)))
    if clipped > config.max_clipped:
        side = "black" if float(image.mean()) < 128.0 else "saturated"
        return f"{side}: {clipped:.0%} of the pixels"
    contrast = float(image.std())
    return f"no contrast: {contrast:.1f} grey levels" if contrast < config.min_contrast else ""


class TrustMonitor:
    """Trust with memory: notices a camera that repeats one image."""

    def __init__(self, config: TrustConfig) -> None:
        self.config = config
        self.repeated = 0
        self._last: int | None = None

    def take(self, image: Images) -> str:
        """Why this image is not believed; empty where it is."""
        digest = hash(image.tobytes())
        self.repeated = self.repeated + 1 if digest == self._last else 0
        self._last = digest
        reason = distrust(image, self.config)
        if not reason and self.repeated >= self.config.max_frozen:
            return f"frozen: {self.repeated + 1} identical images"
        return reason
