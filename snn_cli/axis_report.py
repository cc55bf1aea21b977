"""Flights of one controller on an axis of the airship over seeds, for the report of `snn fly --axis`."""

import numpy as np
from numpy.typing import NDArray

from sim_worlds.airship import AXES, airship_params
from sim_worlds.axes import trial_domain
from sim_worlds.axis_rollout import axis_rollout
from sim_worlds.rollout import Flights
from snn_cli.controllers import controller_named, teacher_named
from snn_cli.flights import DT_S, FlightReport
from snn_control.pid import Pid
from snn_control.spiking_pid import SpikingPid
from snn_core.metrics import flight_score

Array = NDArray[np.float64]


def fly_axis(model: str, axis: str, buoyancy_mps2: float, seed: int, seeds: int) -> FlightReport:
    """Fly a controller of one axis through its trial, once per seed, each in its own weather; PIDs hold the others.

    Where fields of the report speak of metres they are in the axis' own unit.
    """
    name, controller = controller_named(model, DT_S, 1, axis)
    own, params = AXES.index(axis), airship_params(buoyancy_mps2=buoyancy_mps2)
    runs, spikes, synops = [], 0.0, 0.0
    for offset in range(seeds):
        controller.reset()
        controllers = [Pid(teacher_named("pid", other), DT_S) for other in AXES]
        domain = trial_domain(axis, params, np.random.default_rng(seed + offset), DT_S)
        flown = axis_rollout([*controllers[:own], controller, *controllers[own + 1 :]], domain, DT_S)
        runs.append([field[:, own] for field in flown])
        if isinstance(controller, SpikingPid):
            spikes, synops = spikes + controller.spikes, synops + controller.synops
    flights = Flights(*(np.concatenate(fields, axis=1) for fields in zip(*runs, strict=True)))
    setpoint = flights.setpoint_m[:, 0]
    scores = [flight_score(setpoint, flights.height_m[:, s], flights.command[:, s], DT_S) for s in range(seeds)]
    duration_s = len(setpoint) * DT_S * seeds
    return FlightReport(name, flights, scores, spikes / duration_s, synops / duration_s)
