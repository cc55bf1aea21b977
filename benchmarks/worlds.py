"""Speed of the worlds: pictures of the street, by our rasteriser and by TinyRenderer."""

import numpy as np

from benchmarks.row import Row, seconds, throughput
from sim_worlds.bullet import BulletWorld, View
from sim_worlds.renderer import Renderer, camera_axes, lens
from sim_worlds.robot import Robot
from sim_worlds.robot_config import RobotConfig
from sim_worlds.scene import Scene, open_scene

PICTURES = 40
FOV_RAD = 1.2


def worlds() -> list[Row]:
    """160 x 120 pictures per second along the street; TinyRenderer draws the same boxes with one texture each."""
    scene = open_scene("street")
    stations = [scene.route.at(float(s)) for s in np.linspace(1, scene.route.length_m - 1, PICTURES)]
    camera = Renderer(lens(160, 120, FOV_RAD))

    def ours() -> None:
        for here in stations:
            eye = np.array([here.x_m, here.y_m, 1.5])
            camera.see(scene.quads, scene.atlas, scene.atmosphere, eye, camera_axes(here.yaw_rad))

    with _in_bullet(scene) as world:

        def tiny() -> None:
            for here in stations:
                forward = (np.cos(here.yaw_rad), np.sin(here.yaw_rad), 0.0)
                world.picture(View((here.x_m, here.y_m, 1.5), forward, horizontal_fov_rad=FOV_RAD))

        rate, peer = PICTURES / seconds(ours, 2), PICTURES / seconds(tiny, 2)
    return [
        throughput("pictures of the street, 160 x 120", rate, "frames/s", "TinyRenderer", peer),
        throughput("robot with camera 160 x 120, 10 Hz, and event camera", _robot(scene), "s/s", "goal", 5.0),
    ]


def _robot(scene: Scene) -> float:
    """Simulated seconds per second: physics, both cameras (events from 50 pictures per second), lidar, IMU."""
    here = scene.route.at(3.0)
    robot = Robot(scene, RobotConfig(), 0, (here.x_m, here.y_m, 1.6, here.yaw_rad))

    def fly() -> None:
        for _ in range(20):
            robot.advance(np.array([0.0, 0.0, 4.0]))

    return 2.0 / seconds(fly, 3)


def _in_bullet(scene: Scene) -> BulletWorld:
    """The solids of a scene in PyBullet; leaves are left out, it has no holes."""
    world = BulletWorld()
    texels = scene.atlas.table[:, 0]
    world.add_plane()
    for centre, half, yaw in zip(*scene.solids, strict=True):
        k = 1 + int(centre[0]) % (len(texels) - 1)
        first, width, height = texels[k]
        texture = scene.atlas.texels[first : first + width * height, :3].reshape(height, width, 3)
        world.add_box(2 * half, centre, (0, 0, np.sin(yaw / 2), np.cos(yaw / 2)), texture=texture)
    return world
