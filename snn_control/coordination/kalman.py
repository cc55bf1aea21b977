"""A value that moves with a speed that changes slowly: the model behind innovations and predicted samples.

    x' = x + v dt + a dt^2 / 2,  v' = v + a dt,  a white with standard deviation `accel_std` per step of one second
    z  = x + n,                  n white with standard deviation `noise_std`

The discrete white-noise acceleration model (Bar-Shalom, Li, Kirubarajan: Estimation with Applications to Tracking and
Navigation, 6.3.2) with its two by two covariance written out.
"""

from typing import NamedTuple

from snn_control.coordination.contracts import Model

LONGEST_S = 2.0  # a longer gap starts anew


class Track(NamedTuple):
    """Estimate at `at_s`: value, speed and the covariance of the two."""

    at_s: float
    value: float
    speed: float
    var: float
    cov: float
    speed_var: float


def track_begin(value: float, at_s: float, model: Model) -> Track:
    """What one sample tells."""
    return Track(at_s, value, 0.0, model.noise_std**2, 0.0, model.accel_std**2)


def track_predict(track: Track, at_s: float, model: Model) -> Track:
    """The estimate moved on to a later time; an earlier one changes nothing."""
    dt = at_s - track.at_s
    if dt <= 0.0:
        return track
    q = model.accel_std**2 * dt
    var = track.var + dt * (2.0 * track.cov + dt * track.speed_var) + q * dt * dt / 3.0
    cov = track.cov + dt * track.speed_var + 0.5 * q * dt
    return Track(at_s, track.value + track.speed * dt, track.speed, var, cov, track.speed_var + q)


def track_update(track: Track | None, value: float, at_s: float, model: Model) -> tuple[Track, float]:
    """Take in a sample; returns the estimate and the normalised innovation squared, chi-square with one degree.

    Without a track, after a gap, and where time went backwards the sample begins a new one, with an innovation of 1.
    """
    if track is None or not 0.0 <= at_s - track.at_s <= LONGEST_S:
        return track_begin(value, at_s, model), 1.0
    ahead = track_predict(track, at_s, model)
    innovation = value - ahead.value
    total = ahead.var + model.noise_std**2
    gain, gain_speed = ahead.var / total, ahead.cov / total
    return Track(
        at_s,
        ahead.value + gain * innovation,
        ahead.speed + gain_speed * innovation,
        (1.0 - gain) * ahead.var,
        (1.0 - gain) * ahead.cov,
        ahead.speed_var - gain_speed * ahead.cov,
    ), innovation * innovation / total
