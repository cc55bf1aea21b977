"""Listening to one publisher where several speak: the data of two sensors, or two controllers, must not alternate."""

import math

LARGEST_GAP = 100  # messages of the pinned source that may be lost in a row


class SourcePin:
    """Follows the publication numbers of one source; each publisher counts its own messages, one by one.

    A source far from the pinned one's numbers is refused until that has been silent for `patience_s`. One that is
    slightly ahead may be taken for it, once: from then on the other is behind and refused, so data never alternates.
    Two that have counted equally far cannot be told apart; still only one message of each number is taken.
    """

    def __init__(self, patience_s: float) -> None:
        self.patience_s = patience_s
        self.refused = 0
        self._number, self._heard_s = 0, -math.inf

    def take(self, number: int, now_s: float) -> bool:
        """Whether a message with this publication number is of the pinned source; `now_s` is of a steady clock."""
        if not 0 < number - self._number <= LARGEST_GAP and self.speaks(now_s):
            self.refused += 1
            return False
        self._number, self._heard_s = number, now_s
        return True

    def speaks(self, now_s: float) -> bool:
        """Whether the pinned source was heard within its patience."""
        return now_s - self._heard_s <= self.patience_s
