"""How much of its stream a sensor or perception node is asked to deliver, and for how long the request holds.

The request is a lease: a node follows the newest one while it is fresh, and goes by its own settings when nobody renews
it. A coordinator that dies therefore leaves every sensor at its full, configured rate.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

Region = tuple[float, float, float, float]
"""Left, top, right and bottom edge as fractions of the image."""

WHOLE: Region = (0.0, 0.0, 1.0, 1.0)
PARTS = ("", "pair", "pd", "integral")
KEYS = ("expected_rate_hz", "roi_left", "roi_top", "roi_right", "roi_bottom", "time_steps", "parts", "asleep_until_s")


class SensingOrder(NamedTuple):
    """What is asked of one stream."""

    rate_hz: float
    region: Region = WHOLE
    time_steps: int = 0  # most time steps of a presentation to a network, 0 = as configured
    parts: str = ""  # which networks of a pair are asked, empty = as configured
    asleep_until_s: float = 0.0  # when the next sample is due: until then silence is no fault

    def to_values(self) -> dict[str, str]:
        """The order as the key-values of a status message."""
        edges = [f"{edge:.4g}" for edge in self.region]
        fields = [f"{self.rate_hz:.6g}", *edges, str(self.time_steps), self.parts, f"{self.asleep_until_s:.6f}"]
        return dict(zip(KEYS, fields, strict=True))


def read_order(values: Mapping[str, str]) -> SensingOrder | None:
    """The order that key-values hold, or None where they hold none that can be followed."""
    try:
        rate_hz, left, top, right, bottom = (float(values[key]) for key in KEYS[:5])
        time_steps, asleep_until_s = int(values["time_steps"]), float(values["asleep_until_s"])
    except (KeyError, ValueError):
        return None
    edges = 0.0 <= left < right <= 1.0 and 0.0 <= top < bottom <= 1.0
    finite = math.isfinite(rate_hz) and rate_hz > 0.0 and math.isfinite(asleep_until_s)
    parts = values.get("parts", "")
    if not (edges and finite) or time_steps < 0 or parts not in PARTS:
        return None
    return SensingOrder(rate_hz, (left, top, right, bottom), time_steps, parts, asleep_until_s)


class SensingLease:
    """The newest order while it is fresh. Times are those of a clock that is never set."""

    def __init__(self, lease_s: float) -> None:
        self.lease_s = lease_s
        self.refused = 0
        self._order: SensingOrder | None = None
        self._received_s = -math.inf

    def take(self, values: Mapping[str, str], received_s: float) -> bool:
        """Keep an order; one that cannot be followed changes nothing and is counted."""
        order = read_order(values)
        if order is None:
            self.refused += 1
            return False
        self._order, self._received_s = order, received_s
        return True

    def order(self, now_s: float) -> SensingOrder | None:
        """What is asked now, None: go by your own settings."""
        return self._order if 0.0 <= now_s - self._received_s <= self.lease_s else None


class SamplePacer:
    """Which ticks of a sensor that ticks at a fixed period are sampled under an order."""

    def __init__(self, period_s: float) -> None:
        self.period_s = period_s
        self.sampled_s = -math.inf

    def due(self, now_s: float, order: SensingOrder | None) -> bool:
        """Whether to sample at this tick; without an order always. A clock that was set back samples at once."""
        wait_s = 1.0 / order.rate_hz - 0.5 * self.period_s if order is not None else 0.0
        if 0.0 <= now_s - self.sampled_s < wait_s:
            return False
        self.sampled_s = now_s
        return True
