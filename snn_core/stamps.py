"""Judging the time stamps of messages: one rule for readings, commands and actuators."""

from snn_core.signals import Verdict


def judge_stamp(
    stamp_s: float, now_s: float, last_s: float | None, max_age_s: float, future_tolerance_s: float
) -> Verdict:
    """Verdict on a stamp; `last_s` is the newest stamp accepted from the same source.

    A time of zero is how ROS says "not set". An accepted stamp is never more than the tolerance ahead of the clock, so
    a `last_s` further ahead proves that the clock was set back: it is then forgotten.
    """
    if stamp_s <= 0.0:
        return Verdict.NO_STAMP
    if stamp_s > now_s + future_tolerance_s:
        return Verdict.FUTURE
    if now_s - stamp_s > max_age_s:
        return Verdict.STALE
    if last_s is None or last_s > now_s + future_tolerance_s:
        return Verdict.OK
    if stamp_s == last_s:
        return Verdict.DUPLICATE
    return Verdict.OUT_OF_ORDER if stamp_s < last_s else Verdict.OK
