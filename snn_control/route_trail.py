"""Where the robot was a moment ago, so that what was seen then can be used now."""

from collections import deque

import numpy as np

KEPT = 100


class RouteTrail:
    """Heading and way along the route of the newest steps, by dead reckoning alone."""

    def __init__(self) -> None:
        self.steps: deque[tuple[float, float, float]] = deque(maxlen=KEPT)  # stamp, heading, along

    def add(self, stamp_s: float, turned_rad: float, moved_m: float) -> None:
        """A step that turned and moved the robot by so much; a clock that was set back begins anew."""
        if self.steps and stamp_s <= self.steps[-1][0]:
            self.steps.clear()
        _, heading, along = self.steps[-1] if self.steps else (stamp_s, 0.0, 0.0)
        self.steps.append((stamp_s, heading + turned_rad, along + moved_m))

    def since(self, stamp_s: float) -> tuple[float, float]:
        """Turn to the left (rad) and way (m) since then; before the first step nothing is known, and nothing added."""
        if not self.steps:
            return 0.0, 0.0
        time, heading, along = np.array(self.steps).T
        return (
            float(heading[-1] - np.interp(stamp_s, time, heading)), float(along[-1] - np.interp(stamp_s, time, along)),
        )  # fmt: skip
