"""The one loop: any controller, any number of worlds."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_worlds.blimp import BlimpParams, blimp_at, blimp_step
from sim_worlds.lidar import LidarParams, measure
from sim_worlds.weather import GUST

Array = NDArray[np.float64]
Controller = Callable[[Array, Array], Array]
"""(setpoint, measured height or NaN) -> command, each (world,); it keeps its own memory."""


class Flights(NamedTuple):
    """Recordings of a batch of flights, each (time, world), sampled when the controller acts."""

    setpoint_m: Array
    height_m: Array
    measured_m: Array
    command: Array


def rollout(
    controller: Controller,
    params: BlimpParams,
    setpoint_m: Array,
    dt_s: float,
    weather: Array,
    lidar: LidarParams | None = None,
) -> Flights:
    """Fly every world along `setpoint_m`, (time,) or (time, world), starting at rest at the first setpoint.

    weather: (time, 4, world), see `sim_worlds.weather`. The controller sees the lidar, the record holds the truth.
    """
    worlds, steps = len(params.lag_s), len(setpoint_m)
    setpoint = np.broadcast_to(np.asarray(setpoint_m, float).reshape(steps, -1), (steps, worlds))
    lidar = lidar or LidarParams()
    state = blimp_at(setpoint[0], worlds)
    record = np.empty((3, steps, worlds))
    for k in range(steps):
        seen = measure(state.height_m, state.climb_mps, lidar, weather[k])
        command = controller(setpoint[k], seen)
        record[:, k] = state.height_m, seen, command
        blimp_step(state, params, command, weather[k, GUST], dt_s)
    return Flights(np.array(setpoint), *record)
