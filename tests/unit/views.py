"""What a camera in the hall sees, and its lens."""

from functools import lru_cache

import numpy as np

from sim_worlds.renderer import Renderer, camera_axes, lens
from sim_worlds.scene import open_scene

FOV_RAD = 1.2
FOCAL = 0.5 / np.tan(0.5 * FOV_RAD)  # as a share of the image's width


@lru_cache
def hall(condition):
    return open_scene("hall", condition)


def seen(condition="summer", turned_rad=0.0, pitch_rad=0.0, along_m=3.0, size=(160, 120)):
    """Grey image (row, column) from the hall's route, turned to the left of it."""
    scene, camera = hall(condition), Renderer(lens(*size, FOV_RAD))
    here = scene.route.at(along_m)
    eye, axes = np.array([here.x_m, here.y_m, 1.6]), camera_axes(here.yaw_rad + turned_rad, pitch_rad)
    picture = camera.see_grey(scene.quads, scene.atlas, scene.atmosphere, eye, axes)
    return np.clip(picture, 0, 255).astype(np.uint8)
