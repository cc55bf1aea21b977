"""What a camera says about its lens, and whether that can be."""

SHORTEST_PX, LONGEST_PX = 1.0, 1e6  # no camera comes near


def focal_length_px(*claimed_px: float) -> float | None:
    """Mean of the focal lengths that a camera states for its axes; none where one of them cannot be."""
    good = all(SHORTEST_PX <= value <= LONGEST_PX for value in claimed_px)
    return sum(claimed_px) / len(claimed_px) if good else None
