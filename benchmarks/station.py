"""The bound of keeping a station: the blimps of the mission `hold` in open air, told where they truly are."""

import numpy as np

from benchmarks.row import Row, duration
from sim_worlds.airship import airship_at, airship_params
from sim_worlds.airship_flight import airship_step
from snn_cli.missions.mission_config import load_mission
from snn_control.drive_control import HEADING_PID, SPEED_PID
from snn_control.pid import Pid
from snn_control.station_keeper import StationConfig, steer_to_station

BLIMPS, SEED = 64, 1


def station():
    """Distance from where they began, beside blimps with their motors off."""
    kept, blown = distances(True), distances(False)
    rows: list[Row] = []
    for name, of in (
        ("mean distance", np.mean),
        ("largest distance of 95 in 100", lambda away: np.quantile(away.max(axis=0), 0.95)),
        ("largest distance of all", np.max),
    ):
        rows.append(
            duration(f"station, true position, {BLIMPS} blimps: {name}", of(kept), "m", "motors off", of(blown))
        )
    return rows


def distances(flown):
    """(time, blimp) m, over the mission's duration in its wind."""
    mission = load_mission("hold")
    robot, rng, config = mission.robot, np.random.default_rng(SEED), StationConfig()
    params = airship_params(
        BLIMPS, wind_x_mps=robot.wind_mps[0], wind_y_mps=robot.wind_mps[1], draft_std_mps=robot.draft_mps
    )
    state, commands = airship_at(np.zeros(3), 0.0, BLIMPS), np.zeros((BLIMPS, 3))
    heading_pid, speed_pid = (Pid(gains, robot.dt_s, BLIMPS) for gains in (HEADING_PID, SPEED_PID))
    away, heading = [], np.zeros(BLIMPS)
    for _ in range(round(mission.duration_s / robot.dt_s)):
        airship_step(state, params, commands, rng.standard_normal((BLIMPS, 3)), robot.dt_s)
        heading = heading + (state.heading_rad - heading + np.pi) % (2.0 * np.pi) - np.pi
        (x, y), c, s = state.position_m[:, :2].T, np.cos(heading), np.sin(heading)
        asked = [steer_to_station(*point, config) for point in zip(-c * x - s * y, s * x - c * y, strict=True)]
        turn, speed = np.array(asked).T
        commands[:, 1] = heading_pid(heading + turn, heading) * flown
        commands[:, 2] = speed_pid(speed, state.velocity_mps[:, 0]) * flown
        away.append(np.hypot(x, y))
    return np.array(away)
