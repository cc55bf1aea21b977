"""One input of a loop: its stamps and values judged, its verdicts counted, its age known."""

import math
from collections import Counter
from collections.abc import Sequence

from snn_core.signals import Verdict
from snn_core.stamps import judge_stamp


class StampedInput:
    """Remembers when the newest accepted message was measured, and why others were refused."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.last_s: float | None = None
        self.counts: Counter[Verdict] = Counter()
        self.complaint = ""  # the newest refusal

    def take(
        self, values: Sequence[float], largest: float, stamp_s: float, now_s: float, max_age_s: float, future_s: float
    ) -> bool:
        """Whether a message may be used: a stamp in order and young enough, finite values of at most `largest`."""
        verdict = judge_stamp(stamp_s, now_s, self.last_s, max_age_s, future_s)
        if verdict is Verdict.OK and not all(map(math.isfinite, values)):
            verdict = Verdict.NON_FINITE
        if verdict is Verdict.OK and max(map(abs, values)) > largest:
            verdict = Verdict.OUT_OF_RANGE
        if verdict is not Verdict.OK:
            numbers = ", ".join(f"{value:.3g}" for value in values)
            self.refuse(verdict, f"{numbers}, {now_s - stamp_s:.3f} s old")
            return False
        self.counts[verdict] += 1
        self.last_s = stamp_s
        return True

    def refuse(self, verdict: Verdict, what: str) -> None:
        """Count a message that cannot be used."""
        self.counts[verdict] += 1
        self.complaint = f"{self.name} refused, {verdict.value}: {what}"

    def age_s(self, now_s: float) -> float:
        """Time since the newest accepted message was measured; infinite before the first."""
        return math.inf if self.last_s is None else now_s - self.last_s

    @property
    def refused(self) -> int:
        """How many were refused."""
        return self.counts.total() - self.counts[Verdict.OK]

    def values(self) -> dict[str, float | int | str]:
        """The counts, for diagnostics."""
        return {f"{self.name}_{verdict.value}": self.counts[verdict] for verdict in Verdict if self.counts[verdict]}
