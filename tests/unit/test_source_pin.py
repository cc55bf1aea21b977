"""One source is listened to, however many speak."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from snn_core.source_pin import LARGEST_GAP, SourcePin


def test_a_rival_is_refused_until_the_source_is_silent():
    pin = SourcePin(patience_s=0.5)
    assert pin.take(1000, 0.0)
    assert not pin.take(1, 0.1)
    assert pin.take(1003, 0.2)  # two were lost on the way
    assert not pin.take(2, 0.3)
    assert not pin.take(3, 0.7)
    assert pin.take(4, 0.8)
    assert pin.refused == 3
    assert not pin.take(1004, 0.9)


@given(st.lists(st.booleans(), max_size=200), st.integers(2, 3 * LARGEST_GAP))
def test_the_source_changes_at_most_once_between_two_that_never_fall_silent(first, ahead):
    """Each speaks once per period, in any order; the one that is ahead may be taken for the other, and is then kept."""
    pin, heard = SourcePin(patience_s=1.0), []
    for k, late in enumerate(first):
        heard += [which for which in (late, not late) if pin.take(1 + k + ahead * which, 0.1 * k)]
    assert sum(a != b for a, b in itertools.pairwise(heard)) <= 1
    assert len(heard) <= len(first) + 1
