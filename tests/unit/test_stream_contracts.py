"""Contracts of streams: the shipped ones, and that contradictions are refused by name."""

import pytest

from snn_control.coordination.contracts import Criticality, Phase, load_contracts, make_contracts
from snn_core.errors import ConfigError

GOOD = {
    "topic": "range", "type": "sensor_msgs/Range", "rate_min_hz": 1.0, "rate_nominal_hz": 2.0, "rate_max_hz": 4.0,
    "max_age_s": 0.5,
}  # fmt: skip


def test_the_shipped_contracts_say_what_the_loss_of_a_stream_means():
    contracts = load_contracts()
    assert set(contracts) == {"range", "climb", "place", "motion", "command/snn", "command/pid"}
    assert contracts["range"].criticality_in(Phase.TRANSIT) is Criticality.REQUIRED
    assert contracts["place"].criticality_in(Phase.HOLD) is Criticality.USEFUL  # where nothing is said
    assert contracts["place"].criticality_in(Phase.IDLE) is Criticality.UNUSED


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"rate_min_hz": 3.0}, r"expected rate_min_hz <= rate_nominal_hz <= rate_max_hz, found 3, 2, 4"),
        ({"low": 1.0, "high": 1.0}, r"low 1 must be below high 1"),
        ({"rate_nominal_hz": float("nan")}, r"rate_nominal_hz"),
        ({"knobs": ["colour"]}, r"knobs"),
        ({"rat_min_hz": 1.0}, r"unknown key 'rat_min_hz', did you mean 'rate_min_hz'"),
        ({"partner": "climb"}, r"partner 'climb' is no stream"),
    ],
)
def test_contradictions_are_refused(change, complaint):
    with pytest.raises(ConfigError, match=f"here: range: .*{complaint}"):
        make_contracts({"range": {**GOOD, **change}}, "here")


@pytest.mark.parametrize("text", ["", "streams: {}", "- a", "streams: [", "streams: {x: 3}"])
def test_a_file_that_holds_no_contracts_is_refused(tmp_path, text):
    path = tmp_path / "streams.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"streams\.yaml"):
        load_contracts(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_contracts(tmp_path / "none.yaml")
