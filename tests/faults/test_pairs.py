"""Two faults at once, drawn by hypothesis; and a robot without an age limit, which must be found out."""

from hypothesis import given, settings
from hypothesis import strategies as st

from snn_cli.faults.draw import KINDS
from snn_cli.faults.flight import Injection, Robot
from snn_cli.faults.pairs import draw_pair, fly_pair
from snn_cli.faults.soak import soak
from snn_control import command_gate

INJECTIONS = st.builds(
    lambda kind, start, length: Injection(*kind, start, start + length),
    st.sampled_from(KINDS), st.floats(5.0, 10.0), st.floats(0.5, 4.0),
)  # fmt: skip


@settings(max_examples=8, deadline=None)
@given(INJECTIONS, INJECTIONS, st.booleans())
def test_no_pair_of_faults_makes_an_unsafe_command_and_the_robot_flies_again(one, other, coordinated):
    assert fly_pair((one, other), coordinated) == ""


@settings(max_examples=5, deadline=None)
@given(INJECTIONS, INJECTIONS)
def test_the_order_of_two_faults_does_not_matter(one, other):
    first, second = (Robot(pair).fly(16.0) for pair in ((one, other), (other, one)))
    if one.place != other.place:
        assert [t.owner for t in first.ticks] == [t.owner for t in second.ticks]


def test_the_same_seed_draws_the_same_pairs():
    assert draw_pair(1, 5) == draw_pair(1, 5) != draw_pair(1, 6)


def test_an_unsafe_gate_is_found_by_pairs(monkeypatch):
    monkeypatch.setattr(command_gate, "_age", lambda source, *_: source)
    complaints = [fly_pair(*draw_pair(1, number)) for number in range(4)]
    assert any(complaint.startswith("unsafe") for complaint in complaints)


def test_a_short_soak_loses_nothing():
    result = soak(400.0, 3)
    assert result["complaints"] == []
    assert result["faults"] >= 2
    assert result["readings"] > 800
