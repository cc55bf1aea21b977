"""Missions that stay: hold station in drafts, and follow a profile of heights on a street."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_worlds.robot import Robot
from sim_worlds.robot_faults import FaultyRobot
from sim_worlds.scene import open_scene
from snn_cli.missions.autopilot import Autopilot
from snn_cli.missions.mission_config import HoldMission, Mission, ProfileMission
from snn_cli.missions.mission_streams import GROUND, mission_streams
from snn_cli.missions.scoring import Referee
from snn_cli.missions.watch import Watch
from snn_control.coordination.coordinator import MOTION

Array = NDArray[np.float64]
SPEED_PER_M = 0.15  # by which it flies back to where it believes to have begun (1/s)
FASTEST_MPS = 0.4
STATION = mission_streams(GROUND, steady=(MOTION,))  # what is added up and never corrected must miss nothing
TURN_PER_M, MOST_TURN_RAD = 0.5, 0.6  # towards the side to which it was blown


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
    """Stay where it began, by the velocity over ground that event motion tells, added up."""
    robot = start_robot(mission, seed)
    pilot, referee = Autopilot(mission.robot, mission.pilot, STATION), Referee(mission.robot.near_m, mission.robot.dt_s)
    position: Array = np.zeros(2)
    commands: Array = np.zeros(3)
    start = robot.truth().position_m
    for _ in range(round(mission.duration_s / mission.robot.dt_s)):
        senses = robot.advance(commands)
        velocity = pilot.sense(senses)
        if silent_motion:
            velocity = pilot.velocity = None
        if velocity is not None:
            c, s = np.cos(pilot.heading_rad), np.sin(pilot.heading_rad)
            step = np.array(
                [c * velocity.forward_mps - s * velocity.left_mps, s * velocity.forward_mps + c * velocity.left_mps]
            )
            position = position + step * mission.robot.dt_s
        speed = float(np.clip(-SPEED_PER_M * 2.0 * position[0], -FASTEST_MPS, FASTEST_MPS))
        turn = float(np.clip(-TURN_PER_M * position[1] * np.sign(speed or 1.0), -MOST_TURN_RAD, MOST_TURN_RAD))
        commands = pilot.command(senses, mission.pilot.height_m, turn - pilot.heading_rad, speed)
        referee.see(robot.truth(), commands, pilot.decided)
        if watch is not None:
            watch(robot, senses, commands, HoverFlight(referee, mission.pilot.height_m))
    away = np.linalg.norm(referee.path[:, 1:4] - start, axis=1)
    success = not referee.contact and bool(away.max() <= mission.within_m)
    return {
        **referee.result(mission.name, seed, success, pilot.sensor_use()), "mean_distance_m": float(away.mean()),
        "largest_distance_m": float(away.max()),
    }  # fmt: skip


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
