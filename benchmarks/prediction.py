"""What and when: spiking reservoir and Kalman filter, beside doing nothing, on flights that neither learnt from."""

import time

import numpy as np

from benchmarks.row import Row, duration, machine
from snn_cli.patrol import DT_S, HEIGHT, PID, SNN, Patrol, PatrolConfig
from snn_control.coordination.contracts import Model
from snn_control.coordination.coordinator import CoordinationConfig
from snn_control.coordination.kalman import track_predict, track_update
from snn_control.coordination.reservoir import Reservoir
from snn_control.spiking_pid import SpikingPid, model_path

LEARN, HELD_OUT = range(4000, 4006), range(4100, 4103)
AHEAD = 3  # steps: the longest gap that is bridged
BAND_M, LONGEST_S = 0.08, 5.0
MODEL = Model(accel_std=0.5, noise_std=0.005)
QUANTITIES = (("what: height 0.3 s ahead", "cm", 100.0), ("when: arrival", "s", 1.0))
SCALE_M, SCALE_S = 0.1, LONGEST_S  # of the two quantities that the reservoir predicts


def record(seed: int, networks: SpikingPid) -> dict[str, np.ndarray]:
    """Readings, targets and commands of a mission at full rate, (time,) each."""
    config = PatrolConfig(seed=seed, duration_s=300.0, hold_low_s=15.0, hold_high_s=40.0)
    mission = Patrol(config, CoordinationConfig(adapt=False), networks=networks)
    rows = []
    for _ in range(round(config.duration_s / DT_S)):
        mission.step()
        monitors = mission.coordinator.monitors
        rows.append((monitors[HEIGHT].value, mission.flight.target_m, monitors[SNN].value, monitors[PID].value))
        mission.flight.advance()
    return dict(zip(("seen", "target", "snn", "pid"), np.nan_to_num(np.array(rows)).T, strict=True))


def truth(flight) -> tuple[np.ndarray, np.ndarray]:
    """Change of the reading over AHEAD steps, and time until the band around the target; NaN where neither is known."""
    seen, error = flight["seen"], np.abs(flight["target"] - flight["seen"])
    what = np.full(len(seen), np.nan)
    what[:-AHEAD] = seen[AHEAD:] - seen[:-AHEAD]
    when, next_s = np.full(len(seen), np.nan), np.inf
    for k in range(len(seen) - 1, -1, -1):
        next_s = 0.0 if error[k] < BAND_M else next_s + DT_S
        if 0.0 < next_s <= LONGEST_S:
            when[k] = next_s
    return what, when


def kalman(flight) -> np.ndarray:
    """Predictions (time, 2) of a filter that knows neither commands nor targets."""
    track, found = None, np.zeros((len(flight["seen"]), 2))
    for k, seen in enumerate(flight["seen"]):
        track, _ = track_update(track, float(seen), k * DT_S, MODEL)
        error = flight["target"][k] - track.value
        closing = track.speed * np.sign(error)
        wait_s = (abs(error) - BAND_M) / closing if closing > 1e-3 else LONGEST_S
        found[k] = track_predict(track, (k + AHEAD) * DT_S, MODEL).value - seen, np.clip(wait_s, 0.0, LONGEST_S)
    return found


def spiking(flight, reservoir: Reservoir, learns: bool) -> np.ndarray:
    """Predictions (time, 2) of the reservoir, which sees changes of the reading, errors and commands."""
    reservoir.reset()
    what, when = truth(flight)
    found, states, before = np.zeros((len(what), 2)), [], flight["seen"][0]
    for k, seen in enumerate(flight["seen"]):
        error = flight["target"][k] - seen
        x = [(seen - before) / 0.05, np.clip(error, -1, 1), np.clip(error / 0.2, -1, 1), flight["snn"][k] / 10, 1.0]
        before = seen
        states.append(reservoir.step(np.clip(np.array(x), -2.0, 2.0)))
        found[k] = reservoir.predict(states[-1]) * (SCALE_M, SCALE_S)
        if learns and k >= AHEAD + round(LONGEST_S / DT_S):
            past = k - round(LONGEST_S / DT_S)  # by now what was predicted then has come
            reservoir.learn(states[past], np.array([what[past] / SCALE_M, when[past] / SCALE_S]))
    return found


def rmse(flights, predictions, which: int) -> float:
    """Root mean square error over flights of one of the two quantities."""
    errors = [truth(f)[which] - p[:, which] for f, p in zip(flights, predictions, strict=True)]
    return float(np.sqrt(np.nanmean(np.concatenate(errors) ** 2)))


def prediction() -> list[Row]:
    """Errors on held-out flights, and the time of a step."""
    networks = SpikingPid.load(model_path("default"), DT_S)
    learnt, held = ([record(seed, networks) for seed in seeds] for seeds in (LEARN, HELD_OUT))
    reservoir, linear = Reservoir(inputs=5, outputs=2), Reservoir(inputs=5, outputs=2, neurons=0)
    for _ in range(3):
        for flight in learnt:
            spiking(flight, reservoir, learns=True)
            spiking(flight, linear, learns=True)
    without = [spiking(flight, linear, learns=False) for flight in held]
    began = time.perf_counter()
    ours = [spiking(flight, reservoir, learns=False) for flight in held]
    spiking_us = (time.perf_counter() - began) / sum(map(len, ours)) * 1e6
    began = time.perf_counter()
    filtered = [kalman(flight) for flight in held]
    kalman_us = (time.perf_counter() - began) / sum(map(len, filtered)) * 1e6
    usual_s = float(np.nanmean(np.concatenate([truth(flight)[1] for flight in learnt])))
    nothing = [np.stack([np.zeros(len(f["seen"])), np.full(len(f["seen"]), usual_s)], axis=1) for f in held]
    rows: list[Row] = []
    for which, (name, unit, factor) in enumerate(QUANTITIES):
        errors = [rmse(held, found, which) * factor for found in (filtered, ours, without, nothing)]
        rows += [
            duration(f"{name}, RMSE, Kalman (shipped)", errors[0], unit, "nothing changes", errors[3]),
            duration(f"{name}, RMSE, spiking reservoir", errors[1], unit, "nothing changes", errors[3]),
            duration(f"{name}, RMSE, spiking reservoir", errors[1], unit, "same read-out, no neurons", errors[2]),
        ]
    return [*rows, Row("step of the Kalman filter", kalman_us, "us", "spiking reservoir", spiking_us,
                       spiking_us / kalman_us, machine())]  # fmt: skip
