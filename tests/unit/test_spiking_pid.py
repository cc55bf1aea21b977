"""The pair of spiking networks as one controller."""

from pathlib import Path

import numpy as np
import pytest

from snn_control.spiking_pid import MIMIC_MODEL, SpikingPid, model_path
from snn_core.errors import ModelError
from snn_core.model_files import ModelHeader, save_model
from snn_core.network import NetworkParams, initial_state, network_step
from snn_core.network_config import NetworkConfig
from snn_core.resources import models_dir
from unit.networks import random_errors, random_networks, spikes_of

STRUCTURE = {"pd": NetworkConfig(pairs=3, hidden="recurrent_iwta"), "integral": NetworkConfig(pairs=2)}
PARTS = {name: random_networks(config, 1, seed) for seed, (name, config) in enumerate(STRUCTURE.items())}
ERRORS = random_errors(1, 60)[0]


def plain_commands(parts: dict[str, NetworkParams], limit: float) -> tuple[list[float], int]:
    """Clipped sums of the plain networks' read-outs, and how often they spiked."""
    states, commands, spikes = {name: initial_state(1, p.neurons) for name, p in parts.items()}, [], 0
    for error in ERRORS:
        total = 0.0
        for name, p in parts.items():
            states[name], u = network_step(states[name], error[None], p)
            total, spikes = total + float(u[0]), spikes + int(spikes_of(states[name])[0])
        commands.append(min(max(total, -limit), limit))
    return commands, spikes


@pytest.mark.parametrize("names", [("pd", "integral"), ("pd",), ("integral",)])
def test_the_command_is_the_clipped_sum_of_the_networks(names: tuple[str, ...]) -> None:
    parts = {name: PARTS[name] for name in names}
    commands, spikes = plain_commands(parts, limit=0.1)
    controller = SpikingPid(parts, 0.1, limit=0.1)
    assert [controller.step(float(error), 0.0) for error in ERRORS] == commands
    assert 0.1 in commands
    assert len(set(commands)) > 5
    assert (controller.spikes, controller.steps) == (spikes, len(ERRORS))
    assert controller.neurons == sum(2 * p.neurons for p in parts.values())


def test_the_error_is_setpoint_minus_height() -> None:
    above, below = SpikingPid(PARTS, 0.1), SpikingPid(PARTS, 0.1)
    assert [above.step(1.5, 0.5) for _ in ERRORS] == [below.step(0.0, -1.0) for _ in ERRORS]
    assert any(above.step(0.5, 1.5) != below.step(1.5, 0.5) for _ in ERRORS)


def test_a_batch_is_its_flights() -> None:
    errors = random_errors(4, 40).astype(float)
    together, alone = SpikingPid(PARTS, 0.1, batch=4), [SpikingPid(PARTS, 0.1) for _ in range(4)]
    for column in errors.T:
        commands = together(column, np.zeros(4))
        assert commands.tolist() == [one.step(float(e), 0.0) for one, e in zip(alone, column, strict=True)]
    assert together.spikes == sum(one.spikes for one in alone)


@pytest.mark.parametrize(
    "missing",
    [np.nan, np.inf, -np.inf],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_the_height_seen_last_stands_for_a_missing_one(missing: float) -> None:
    gap, whole = SpikingPid(PARTS, 0.1), SpikingPid(PARTS, 0.1)
    for k, error in enumerate(ERRORS):
        lost, height = k < 3 or 10 <= k < 15, 0.1 * (k if k < 10 else max(9, k - 5))
        command = gap.step(float(error), missing if lost else height)
        assert command == whole.step(0.0 if k < 3 else float(error), 0.0 if k < 3 else height)
        assert np.isfinite(command)


def test_reset_puts_every_neuron_to_rest() -> None:
    controller = SpikingPid(PARTS, 0.1)
    first = [controller.step(float(error), 0.0) for error in ERRORS]
    controller.reset()
    assert (controller.spikes, controller.synops, controller.steps) == (0, 0, 0)
    assert [controller.step(float(error), 0.0) for error in ERRORS] == first


@pytest.mark.parametrize(
    ("hidden", "connectivity", "per_encoding_spike", "per_hidden_spike"),
    [
        ("lif", "dense", 2, 1),
        ("iwta", "dense", 2 + 6, 1),
        ("recurrent", "dense", 2, 1 + 6),
        ("recurrent_iwta", "paired", 2 + 2, 1 + 2),
    ],
)  # fmt: skip
def test_each_spike_counts_once_per_synapse(
    hidden: str, connectivity: str, per_encoding_spike: int, per_hidden_spike: int
) -> None:
    p = random_networks(NetworkConfig(pairs=3, hidden=hidden, connectivity=connectivity), 1)
    controller, state, expected = SpikingPid({"pd": p}, 0.1), initial_state(1, 6), 0
    for error in ERRORS:
        controller.step(float(error), 0.0)
        state, _ = network_step(state, error[None], p)
        expected += per_encoding_spike * int(state.s_in.sum()) + per_hidden_spike * int(state.s.sum())
    assert controller.synops == expected > 0


@pytest.mark.parametrize("parts", [{}, {"roll": PARTS["pd"]}])
def test_unknown_parts_are_refused(parts: dict[str, NetworkParams]) -> None:
    with pytest.raises(ModelError, match="expected networks named pd and integral"):
        SpikingPid(parts, 0.1)


def test_a_stored_pair_flies_as_it_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "pair.safetensors"
    save_model(path, ModelHeader(kind="spiking_pid", dt_s=0.1, networks=STRUCTURE, limit=1.0), PARTS)
    stored, kept = SpikingPid.load(path, 0.1), SpikingPid(PARTS, 0.1, 1.0)
    assert [stored.step(float(e), 0.0) for e in ERRORS] == [kept.step(float(e), 0.0) for e in ERRORS]
    with pytest.raises(ModelError, match=r"expected a model for dt 0\.2 s"):
        SpikingPid.load(path, 0.2)


def test_the_default_model_is_the_one_that_is_shipped() -> None:
    assert model_path("default").parent == models_dir()
    assert model_path("default", MIMIC_MODEL) == models_dir() / MIMIC_MODEL
    assert model_path("mine.safetensors") == Path("mine.safetensors")
