"""Missions that stay: hold station in drafts, and follow a profile of heights on a street."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_worlds.robot import Events, Robot, Senses
from sim_worlds.robot_faults import FaultyRobot
from sim_worlds.scene import open_scene
from snn_cli.missions.autopilot import Autopilot
from snn_cli.missions.mission_config import HoldMission, Mission, ProfileMission
from snn_cli.missions.mission_streams import GROUND, mission_streams
from snn_cli.missions.scoring import Referee
from snn_cli.missions.watch import Watch
from snn_control.coordination.coordinator import MOTION
from snn_control.station_keeper import steer_to_station

Array = NDArray[np.float64]
STATION = mission_streams(GROUND, steady=(MOTION,))  # a map of the ground is followed without a gap


class HoverFlight(NamedTuple):
    """What those who watch may look at."""

    referee: Referee
    target_m: float


def start_robot(mission: Mission, seed: int, along_m: float = 3.0) -> Robot:
    """The robot at rest on the scene's route."""
    scene = open_scene(mission.scene, mission.condition, seed)
    here = scene.route.at(along_m)
    place = (here.x_m, here.y_m, mission.pilot.height_m, here.yaw_rad)
    return FaultyRobot(scene, mission.robot, 1000 + seed, place, mission.faults)


def hold(mission: HoldMission, seed: int, watch: Watch | None = None, silent_motion: bool = False) -> dict[str, Any]:
    """Stay where it began, by the position over ground that events of the ground tell."""
    robot = start_robot(mission, seed)
    pilot, referee = Autopilot(mission.robot, mission.pilot, STATION), Referee(mission.robot.near_m, mission.robot.dt_s)
    commands: Array = np.zeros(3)
    start, ahead = robot.truth().position_m, robot.body_axes()[:2, :2]
    off = []  # of the position that it believes in
    for _ in range(round(mission.duration_s / mission.robot.dt_s)):
        senses = robot.advance(commands)
        if silent_motion:
            x, y, t_us, on = senses.events
            senses = senses._replace(events=Events(x[:0], y[:0], t_us[:0], on[:0]))
        before, commands = pilot.tracker.lost, station_commands(pilot, senses)
        referee.see(robot.truth(), commands, pilot.decided)
        off.append(np.linalg.norm(ahead @ (robot.truth().position_m - start)[:2] - pilot.tracker.state[:2]))
        if pilot.tracker.lost > before:
            referee.tell(robot.time_s, "lost the ground: holds anew where it is")
        if watch is not None:
            watch(robot, senses, commands, HoverFlight(referee, mission.pilot.height_m))
    away = np.linalg.norm(referee.path[:, 1:4] - start, axis=1)
    success = not referee.contact and bool(away.max() <= mission.within_m)
    return {
        **referee.result(mission.name, seed, success, pilot.sensor_use()), "mean_distance_m": float(away.mean()),
        "largest_distance_m": float(away.max()), "position_error_m": float(np.mean(off)),
    }  # fmt: skip


def station_commands(pilot: Autopilot, senses: Senses) -> Array:
    """Commands back to where it began; no turn and no push where it does not know where it is."""
    height_m, told = pilot.config.height_m, pilot.sense_station(senses)
    if told is None:
        return pilot.command(senses, height_m, 0.0, 0.0) * (1.0, 1.0, 0.0)
    c, s = np.cos(told.heading_rad), np.sin(told.heading_rad)
    x, y = told.position_m
    turn, speed = steer_to_station(float(-c * x - s * y), float(s * x - c * y), pilot.config.station)
    return pilot.command(senses, height_m, turn, speed)


def profile(mission: ProfileMission, seed: int, watch: Watch | None = None) -> dict[str, Any]:
    """Fly ahead and climb from height to height; the spiking networks hold each."""
    robot = start_robot(mission, seed)
    pilot, referee = Autopilot(mission.robot, mission.pilot), Referee(mission.robot.near_m, mission.robot.dt_s)
    commands: Array = np.zeros(3)
    errors, steps = [], round(mission.hold_s / mission.robot.dt_s)
    for height_m in mission.heights_m:
        for _ in range(steps):
            senses = robot.advance(commands)
            pilot.sense(senses)
            commands = pilot.command(senses, height_m, -pilot.heading_rad, mission.speed_mps)
            referee.see(robot.truth(), commands, pilot.decided)
            if watch is not None:
                watch(robot, senses, commands, HoverFlight(referee, height_m))
        errors.append(float(np.abs(referee.path[-steps // 4 :, 3] - height_m).mean()))
        referee.tell(robot.time_s, f"held {height_m:g} m within {errors[-1]:.3f} m")
    success = not referee.contact and max(errors) <= mission.within_m
    return {
        **referee.result(mission.name, seed, success, pilot.sensor_use()), "height_error_m": float(np.mean(errors)),
        "largest_height_error_m": max(errors),
    }  # fmt: skip
