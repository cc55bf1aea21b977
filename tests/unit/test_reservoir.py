"""The spiking reservoir and the Kalman filter: what they predict, and what teaches them."""

import numpy as np
import pytest

from snn_control.coordination.contracts import Model
from snn_control.coordination.kalman import track_predict, track_update
from snn_control.coordination.reservoir import Reservoir

AHEAD = 5


def rhythm(steps):
    """A signal that no linear function of its newest value continues."""
    t = np.arange(steps) * 0.1
    return np.sin(1.7 * t) * np.cos(0.45 * t)


def error(neurons, learns=True, seed=0):
    """RMSE over the last quarter of predicting a signal AHEAD steps before it comes."""
    signal, reservoir = rhythm(2000), Reservoir(inputs=1, outputs=1, neurons=neurons, seed=seed)
    states, errors = [], []
    for k in range(len(signal) - AHEAD):
        states.append(reservoir.step(signal[k : k + 1]))
        errors.append(signal[k + AHEAD] - reservoir.predict(states[-1])[0])
        if learns and k >= AHEAD:
            reservoir.learn(states[k - AHEAD], signal[k : k + 1], rate=0.2)
    return float(np.sqrt(np.mean(np.square(errors[1500:]))))


def test_neurons_remember_what_the_newest_value_does_not_tell():
    with_neurons, without, untaught = error(120), error(0), error(120, learns=False)
    assert with_neurons < 0.85 * without
    assert with_neurons < 0.85 * untaught


def test_the_same_seed_gives_the_same_bytes():
    assert error(40, seed=3) == error(40, seed=3) != error(40, seed=4)


def test_errors_modulate_learning_and_unknown_outcomes_teach_nothing():
    reservoir = Reservoir(inputs=1, outputs=1, neurons=20)
    state = reservoir.step(np.ones(1))
    reservoir.learn(state, np.array([np.nan]))
    assert not reservoir.w_out.any()
    reservoir.usual[:] = 1.0
    changes = []
    for came in (0.1, 1.0):
        before = reservoir.w_out.copy()
        reservoir.w_out[:] = 0.0
        reservoir.learn(state, np.array([came]))
        changes.append(np.abs(reservoir.w_out).max())
        reservoir.w_out[:] = before
        reservoir.usual[:] = 1.0
    assert changes[1] / changes[0] == pytest.approx(10 * (0.5 / (0.1 / 1.1)))  # ten times the error, and its gain


def test_neurons_fire_and_do_not_run_away():
    reservoir, fired = Reservoir(inputs=1, outputs=1, neurons=100), []
    for x in rhythm(2000) * 2.0:
        reservoir.step(np.array([x]))
        fired.append(reservoir.s.mean())
    assert 0.01 < np.mean(fired[500:]) < 0.7
    assert np.abs(reservoir.v).max() < 20.0


def test_the_filter_follows_a_steady_climb_and_its_innovations_are_as_expected():
    model, generator, track, found = Model(accel_std=0.2, noise_std=0.02), np.random.default_rng(0), None, []
    for k in range(2000):
        track, innovation = track_update(track, 0.3 * k * 0.1 + 0.02 * generator.standard_normal(), 0.1 * k, model)
        found.append(innovation)
    assert track.speed == pytest.approx(0.3, abs=0.05)
    ahead = track_predict(track, track.at_s + 0.3, model)
    assert ahead.value == pytest.approx(track.value + 0.3 * track.speed)
    assert ahead.var > track.var
    assert 0.4 < np.mean(found[100:]) <= 1.1  # chi-square of one degree, or less where it never turns


def test_gaps_and_set_clocks_begin_a_new_track():
    model = Model()
    track, _ = track_update(None, 1.0, 10.0, model)
    for at_s in (13.0, 5.0):
        again, innovation = track_update(track, 99.0, at_s, model)
        assert (again.value, again.speed, innovation) == (99.0, 0.0, 1.0)
    assert track_predict(track, 9.0, model) is track
