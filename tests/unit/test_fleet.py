"""Observations of peers: judged, moved, borrowed; a lying or late one changes nothing that is flown by."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_control.coordination.contracts import load_contracts
from snn_control.coordination.coordinator import CoordinationConfig, Coordinator
from snn_control.coordination.fleet import CAP, Fleet, FleetConfig, Observation, Transform, moved
from snn_control.coordination.snapshot import Sample, Snapshot
from snn_control.coordination.trust import TRUSTED

T0 = 100.0
FRAMES = {"map": Transform(), "map_b": Transform(10.0, 0.0, 0.0, math.pi / 2)}
GOOD = Observation("b", "gate", T0, "map", 1.0, 2.0, 3.0, 0.2, 0.8)


def fleet():
    return Fleet("a", FleetConfig(), FRAMES)


def test_a_peer_is_heard_in_its_own_frame():
    assert moved(GOOD._replace(frame="map_b"), FRAMES["map_b"]) == pytest.approx((8.0, 1.0, 3.0))
    group = fleet()
    assert group.take(GOOD, T0)
    borrowed = group.borrow("gate", T0 + 1.0)
    assert (borrowed.x_m, borrowed.age_s) == (1.0, 1.0)
    assert borrowed.trust == pytest.approx(0.8 * 0.5 * 0.5)  # claimed, times a newcomer's reputation, half faded


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"stamp_s": T0 - 2.1}, "stale"), ({"stamp_s": T0 + 3600.0}, "future"), ({"stamp_s": 0.0}, "no_stamp"),
        ({"frame": "moon"}, "unknown frame 'moon', known: map, map_b"), ({"x_m": math.nan}, "non_finite"),
        ({"trust": 1.5}, "non_finite"), ({"stddev_m": 0.0}, "non_finite"), ({"robot": "a"}, "own_name"),
    ],
)  # fmt: skip
def test_what_cannot_be_believed_is_refused_and_counted(change, reason):
    group = fleet()
    assert not group.take(GOOD._replace(**change), T0)
    assert group.counts[reason] == 1
    assert group.borrow("gate", T0) is None


def test_a_partition_forgets_and_healing_needs_something_fresh():
    group = fleet()
    group.take(GOOD, T0)
    assert group.borrow("gate", T0 + 2.1) is None
    assert not group.take(GOOD, T0 + 2.2)  # the old words once more
    assert group.take(GOOD._replace(stamp_s=T0 + 2.2), T0 + 2.2)
    assert group.borrow("gate", T0 + 2.2) is not None
    assert group.borrow("gate", T0 - 50.0) is None  # a clock that was set back


def test_a_liar_loses_its_reputation_to_local_evidence_and_an_honest_peer_gains():
    group = fleet()
    for k in range(50):
        now = T0 + 0.1 * k
        group.take(GOOD._replace(stamp_s=now), now)
        group.take(GOOD._replace(robot="liar", stamp_s=now, x_m=50.0, stddev_m=0.01, trust=1.0), now)
        group.compare("gate", (1.0, 2.0, 3.0), 0.2, local_trust=0.9)
    assert group.reputation["liar"] < 0.01
    assert group.reputation["b"] > 0.99
    assert group.borrow("gate", now).robot == "b"


def test_evidence_that_is_not_trusted_here_judges_nobody():
    group = fleet()
    group.take(GOOD, T0)
    group.compare("gate", (100.0, 0.0, 0.0), 0.2, local_trust=0.4)
    assert group.reputation["b"] == 0.5


def test_a_crowd_of_invented_names_does_not_fill_the_memory():
    group = fleet()
    for k in range(10_000):
        group.take(GOOD._replace(robot=f"r{k}"), T0)
    assert len(group.heard) <= 64


NUMBERS = st.floats() | st.sampled_from([0.0, 1.0, T0])
OBSERVATIONS = st.builds(
    Observation, st.sampled_from(["", "a", "b", "c"]), st.sampled_from(["gate", "pose", "range"]), NUMBERS,
    st.sampled_from(["map", "map_b", "moon"]), NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS,
)  # fmt: skip


@given(st.lists(OBSERVATIONS, max_size=30))
def test_borrowed_trust_never_suffices_to_fly_by(observations):
    group = fleet()
    for seen in observations:
        group.take(seen, T0)
    for kind in ("gate", "pose", "range"):
        borrowed = group.borrow(kind, T0)
        assert borrowed is None or 0.0 <= borrowed.trust <= CAP < TRUSTED


@settings(max_examples=30, deadline=None)
@given(st.lists(OBSERVATIONS, max_size=20))
def test_whatever_peers_say_decisions_are_those_of_a_robot_alone(observations):
    contracts = load_contracts()
    told = Coordinator(contracts, CoordinationConfig(), robot="a", frames=FRAMES)
    alone = Coordinator(contracts, CoordinationConfig(), robot="a")
    for k in range(12):
        now = T0 + 0.1 * k
        samples = [Sample("range", now, 1.0), Sample("command/snn", now, 1.0)]
        heard, unheard = (
            told.step(Snapshot(now, samples, 1.0, observations=observations)), alone.step(Snapshot(now, samples, 1.0)),
        )  # fmt: skip
        assert (heard.owner, heard.orders, heard.trusts) == (unheard.owner, unheard.orders, unheard.trusts)
