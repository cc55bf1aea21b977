"""Give the simulated robot a sensor that it does not have, a sonar that looks ahead, and stop before a wall by it.

    python examples/add_a_sensor.py

The robot flies down the hall with the shipped controllers; the sonar alone decides how fast.
"""

import math

import numpy as np

from sim_worlds.robot import Robot
from sim_worlds.robot_config import RobotConfig
from sim_worlds.scene import open_scene
from snn_control.pid import Pid, PidConfig
from snn_control.spiking_pid import SpikingPid, model_path

HEIGHT_M, STOP_M = 2.0, 2.0
REACH_M, NOISE_M, TOUCH_M = 8.0, 0.02, 0.01


class RobotWithSonar(Robot):
    """The robot of the scenes, and a sonar at its nose. Noise is drawn from the robot's own generator."""

    def sonar_m(self) -> float:
        """Distance to what is ahead, inf beyond its reach: steps as long as nothing can be nearer (Hart 1996)."""
        nose, ahead, way_m = self.truth().position_m, self.body_axes()[0], self.config.half_length_m
        while (gap_m := self.scene.clearance_m(nose + way_m * ahead)) > TOUCH_M and way_m < REACH_M:
            way_m += gap_m
        return way_m + self.rng.normal(0.0, NOISE_M) if way_m < REACH_M else math.inf


def main() -> None:
    """Fly towards the wall of the hall until the robot stands before it."""
    config = RobotConfig(width=16, height=12, event_width=16, event_height=12)  # nobody looks at its pictures here
    robot = RobotWithSonar(open_scene("hall"), config, 1, (4.0, -4.5, HEIGHT_M, 0.0))
    lift = SpikingPid.load(model_path("default"), config.dt_s)
    speed = Pid(PidConfig(kp=8, ki=1, kd=0, integral_limit=3, integrate_within_m=1.0), config.dt_s)
    turn = Pid(PidConfig(kp=10, ki=0.5, kd=12, integral_limit=5, integrate_within_m=1.0), config.dt_s)
    commands, heading = np.zeros(3), 0.0
    for tick in range(400):
        senses = robot.advance(commands)
        heading += senses.gyro_radps[2] * config.dt_s
        ahead_m, forward = robot.sonar_m(), robot.truth_velocity()[0]  # speed over ground stands for event motion
        wanted = min(0.6, 0.25 * (ahead_m - STOP_M))
        commands = np.array(
            [lift.step(HEIGHT_M, senses.range_m), *turn(np.zeros(1), np.array([heading])),
             *speed(np.array([wanted]), np.array([forward]))]
        )  # fmt: skip
        if tick % 50 == 0:
            print(f"{senses.time_s:5.1f} s   sonar {ahead_m:5.2f} m   speed {forward:5.2f} m/s")
    touched = "it touched" if robot.truth().clearance_m < 0.0 else "it touched nothing"
    print(f"stands {robot.sonar_m():.2f} m before the wall, {STOP_M} m were asked for; {touched}")


if __name__ == "__main__":
    main()
