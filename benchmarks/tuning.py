"""The tuned networks against the PID that was tuned with the same budget, in random worlds that neither has seen."""

from collections.abc import Iterator

from benchmarks.row import Row, duration
from snn_cli.fine_tune_spec import TEST, domain_of, tally
from snn_cli.tune import COLUMNS, columns_of
from snn_control.contenders import PidContender
from snn_control.pid import PidConfig
from snn_control.pilots import spiking_pair
from snn_control.spiking_pid import DEFAULT_MODEL, MIMIC_MODEL
from snn_core.model_files import load_model
from snn_core.resources import models_dir

DT_S = 0.1
WORLDS, SEED = 512, 1  # of the test stream; `snn evolve tune` reports on seed 0
UNITS = {"variation_per_step": "command", "t90_s": "s", "spikes_per_step": "spikes"}


def tuning() -> list[Row]:
    """Mean scores over the worlds; the peers are the tuned PID, and the mimic that the tuning began with."""
    pid = PidContender(DT_S)
    gains = pid.pilot(pid.genes(PidConfig.load(models_dir() / "pid_tuned.yaml"))[None])
    domain = domain_of(TEST, SEED, WORLDS, DT_S)
    flown = {"tuned PID": columns_of(tally(gains, 1, domain, DT_S), len(domain.weather))}
    for name, model in (("tuned networks", DEFAULT_MODEL), ("mimic", MIMIC_MODEL)):
        pair = spiking_pair(load_model(models_dir() / model, DT_S)[1])
        flown[name] = columns_of(tally(pair, 1, domain, DT_S), len(domain.weather))
    return [*_rows(flown, "tuned PID"), *_rows(flown, "mimic")]


def _rows(flown: dict[str, dict[str, float]], peer: str) -> Iterator[Row]:
    """One row per score; above 1 means that the networks do better."""
    for name in COLUMNS[:-1]:
        value, other = flown["tuned networks"][name], flown[peer][name]
        unit = UNITS.get(name, "cm")
        factor = 100.0 if unit == "cm" else 1.0
        yield duration(f"tuned networks, {WORLDS} random worlds: {name}", factor * value, unit, peer, factor * other)
