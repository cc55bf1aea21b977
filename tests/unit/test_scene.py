"""Scenes: routes, what stands where, what can be hit, and the pictures of it."""

import numpy as np
import pytest

from sim_worlds.builder import Box, SceneBuilder
from sim_worlds.renderer import Renderer, camera_axes, grey, lens
from sim_worlds.route import Route
from sim_worlds.scene import Scene, atmosphere, open_scene
from sim_worlds.scene_config import ConditionConfig, ElementConfig, SceneConfig, load_condition, load_scene, scene_names
from sim_worlds.solids import box_distance, down_range
from sim_worlds.textures import finished, painted
from snn_core.errors import ConfigError

PLAIN = ConditionConfig()
OPTICS = lens(80, 60, 1.0)


def picture(scene, x, y, yaw, height=1.5):
    camera = Renderer(OPTICS)
    eye = np.array([x, y, height])
    return camera.see(scene.quads, scene.atlas, scene.atmosphere, eye, camera_axes(yaw)).copy(), camera.depth.copy()


def test_a_route_is_as_long_as_its_lines_and_arcs():
    route = Route([(0, 0), (10, 0), (10, 10)], 2.0)  # a quarter of a circle of 2 m replaces 2 + 2 m
    assert route.length_m == pytest.approx(16 + np.pi, abs=0.01)
    assert route.at(0.0) == pytest.approx((0, 0, 0), abs=1e-6)
    assert route.at(route.length_m + 1.0)[:2] == pytest.approx((10, 11), abs=0.06)


def test_nearest_says_how_far_along_and_how_far_left():
    route = Route([(0, 0), (10, 0)], 1.0)
    assert route.nearest(4.0, 1.5) == pytest.approx((4.0, 1.5), abs=0.03)
    assert route.nearest(4.0, -1.5)[1] == pytest.approx(-1.5, abs=1e-9)
    here = route.beside(4.0, 1.5)
    assert (here.x_m, here.y_m) == pytest.approx((4.0, 1.5))


def test_distance_to_a_turned_box():
    centre, half = np.array([0.0, 0, 1]), np.array([2.0, 1, 1])
    turned = np.pi / 2
    assert box_distance(centre, half, turned, np.array([3.0, 0, 1])) == pytest.approx(2.0)
    assert box_distance(centre, half, 0.0, np.array([3.0, 2, 1])) == pytest.approx(np.sqrt(2))
    assert box_distance(centre, half, 0.0, np.array([1.5, 0, 1])) == pytest.approx(-0.5)


def test_the_range_down_ends_on_what_is_below():
    centre, half, yaw = np.array([[0.0, 0, 0.5]]), np.array([[1.0, 1, 0.5]]), np.zeros(1)
    assert down_range(centre, half, yaw, np.array([0.5, 0.5, 3.0])) == pytest.approx(2.0)
    assert down_range(centre, half, yaw, np.array([5.0, 0.5, 3.0])) == pytest.approx(3.0)


@pytest.mark.parametrize("name", scene_names())
def test_every_scene_leaves_its_route_free(name):
    scene = open_scene(name)
    for along in np.arange(0.5, scene.route.length_m - 0.5, 1.0):
        here = scene.route.at(float(along))
        assert scene.clearance_m(np.array([here.x_m, here.y_m, 1.5])) > 0.45, along


def test_the_same_seed_is_the_same_scene_and_another_condition_another_picture():
    config = load_scene("hall")
    pictures = [picture(Scene(config, load_condition(c), 1), -8, -4.5, 0.0)[0] for c in ("summer", "summer", "evening")]
    assert np.array_equal(pictures[0], pictures[1])
    assert np.abs(pictures[0] - pictures[2]).mean() > 5.0


def test_moved_things_move_and_the_rest_stays():
    config = SceneConfig(
        name="t", route_m=[(0, 0), (40, 0)], elements=[ElementConfig(kind="crate", every_m=4, height_m=(1, 1))]
    )
    still, moved = Scene(config, PLAIN), Scene(config, ConditionConfig(moved=1.0))
    assert len(moved.solids.yaw_rad) < len(still.solids.yaw_rad)
    assert not set(map(tuple, moved.solids.centre_m.round(3))) & set(map(tuple, still.solids.centre_m.round(3)))


def test_people_walk():
    scene = Scene(SceneConfig(name="t", route_m=[(0, 0), (40, 0)]), ConditionConfig(people_per_100m=10))
    before = scene.solids.centre_m.copy()
    scene.move(1.0)
    walked = np.hypot(*(scene.solids.centre_m - before)[:, :2].T)
    assert len(walked) == 4
    assert ((walked > 0.5) & (walked < 1.5)).all()
    corners = scene.quads.corner_m[scene.walkers[0].first : scene.walkers[0].first + scene.walkers[0].quads]
    assert np.abs(corners.mean(axis=0)[:2] - scene.solids.centre_m[0, :2]).max() < 0.3


def boxes(*made):
    builder = SceneBuilder(PLAIN, 0)
    for k, (box, colour) in enumerate(made):
        builder.box(box, builder.add_texture(finished(painted(colour)), ("test", k)))
    return builder


def seen(builder, eye=(0.0, 0.0, 1.0), yaw=0.0, light=None):
    camera = Renderer(OPTICS)
    colours = camera.see(
        builder.quads(), builder.atlas(), light or atmosphere(PLAIN, False), np.array(eye), camera_axes(yaw)
    )
    return colours.copy(), camera.depth.copy()


def test_depth_is_the_distance_to_the_face_wherever_it_stands():
    box = Box(5.0, 0, 0, 2, 2, 2)
    assert seen(boxes((box, (255, 0, 0))))[1][30, 40] == pytest.approx(4.0, abs=1e-6)
    behind = Box(0, 5.0, 0, 2, 2, 2, 0.3)
    assert np.isinf(seen(boxes((behind, (255, 0, 0))))[1][30, 40])
    assert np.isfinite(seen(boxes((behind, (255, 0, 0))), yaw=np.pi / 2)[1][30, 40])


def test_what_is_near_hides_what_is_far_in_any_order():
    near, far = (Box(3, 0, 0, 1, 1, 2), (255, 0, 0)), (Box(9, 0, 0, 1, 9, 9), (0, 255, 0))
    for order in ((near, far), (far, near)):
        colours, _ = seen(boxes(*order))
        assert colours[30, 40, 0] > 50 > colours[30, 40, 1]
        assert colours[30, 75, 1] > 50 > colours[30, 75, 0]


def test_left_is_left():
    colours, _ = seen(boxes((Box(5, 2, 0, 1, 2, 2), (255, 0, 0))))
    assert colours[35, 8, 1] < 10 < colours[35, 72, 1]  # red has no green; whatever is to the right has


def test_fog_takes_contrast_as_beer_and_lambert_say():
    thin = atmosphere(ConditionConfig(visibility_m=4.0), False)
    clear, _ = seen(boxes((Box(5.0, 0, 0, 2, 2, 2), (255, 0, 0))))
    foggy, _ = seen(boxes((Box(5.0, 0, 0, 2, 2, 2), (255, 0, 0))), light=thin)
    lit = clear[30, 40, 0] - thin.horizon[0] * (1 - np.exp(-4 / 400))
    expected = lit / np.exp(-4 / 400) * np.exp(-1) + thin.horizon[0] * (1 - np.exp(-1))
    assert foggy[30, 40, 0] == pytest.approx(expected, rel=0.01)


def test_pictures_shift_as_the_camera_turns():
    scene = open_scene("hall")
    still, turned = (grey(picture(scene, -8, -4.5, yaw)[0]) for yaw in (0.0, 4 / OPTICS.focal_px))
    same = np.abs(turned[:, 10:70] - still[:, 6:66]).mean()  # turning left moves the picture to the right
    assert same < 0.5 * np.abs(turned[:, 10:70] - still[:, 10:70]).mean()


def test_depth_agrees_with_rays_of_pybullet():
    pytest.importorskip("pybullet", reason="PyBullet is optional: requirements/sim.txt")
    from sim_worlds.bullet import BulletWorld

    scene, camera = open_scene("street"), Renderer(OPTICS)
    here = scene.route.at(20.0)
    eye, axes = np.array([here.x_m, here.y_m, 1.5]), camera_axes(here.yaw_rad)
    camera.see(scene.quads._replace(kind=scene.quads.kind * 0), scene.atlas, scene.atmosphere, eye, axes)
    with BulletWorld() as world:
        world.add_plane()
        for centre, half, yaw in zip(*scene.solids, strict=True):
            world.add_box(2 * half, centre, (0, 0, np.sin(yaw / 2), np.cos(yaw / 2)))
        rows, columns = np.array([(r, c) for r in range(2, 60, 6) for c in range(2, 80, 6)]).T
        a, b = (columns + 0.5 - 40) / OPTICS.focal_px, (rows + 0.5 - 30) / OPTICS.focal_px
        rays = np.stack([a, b, np.ones(len(a))], axis=1) @ axes
        found = world.ranges(np.tile(eye, (len(a), 1)), eye + 100 * rays) / np.linalg.norm(rays, axis=1)
    opaque = scene.quads.kind[np.maximum(camera.owner[rows, columns], 0)] == 0
    same = opaque & np.isfinite(found) & np.isfinite(camera.depth[rows, columns])
    error = np.abs(found[same] - camera.depth[rows, columns][same])
    assert same.sum() > 60
    assert np.mean(error < 0.05) > 0.95


def test_unknown_names_are_told_with_the_known_ones():
    with pytest.raises(ConfigError, match="corridor, hall, street"):
        load_scene("moon")
    with pytest.raises(ConfigError, match="summer"):
        load_condition("sumer")


def test_grey_pictures_are_the_luma_of_coloured_ones():
    scene, camera = open_scene("street", "autumn"), Renderer(OPTICS)
    here = scene.route.at(20.0)
    view = scene.quads, scene.atlas, scene.atmosphere, np.array([here.x_m, here.y_m, 1.5]), camera_axes(here.yaw_rad)
    assert np.abs(camera.see_grey(*view) - grey(camera.see(*view))).mean() < 3.0


def test_a_room_without_a_ceiling_is_a_yard_with_walls():
    yard = Scene(SceneConfig(name="yard", route_m=[(0, 0), (8, 0)], room_m=(-3, -4, 11, 4)), PLAIN)
    assert yard.clearance_m(np.array([10.0, 0, 2.5])) == pytest.approx(0.9)  # half of the wall's 0.2 m stands inside
    assert yard.clearance_m(np.array([11.0, 0, 4.0])) == pytest.approx(1.0)  # above it


def test_people_are_narrower_at_the_head_and_touched_as_one():
    nobody, one = (
        Scene(SceneConfig(name="t", route_m=[(0, 0), (10, 0)]), ConditionConfig(people_per_100m=people))
        for people in (0, 10)
    )
    assert len(one.solids.yaw_rad) - len(nobody.solids.yaw_rad) == len(one.walkers) == 1
    walker = one.walkers[0]
    rows = slice(walker.first, walker.first + walker.quads)
    tops = one.quads.corner_m[rows, 2]
    wide = np.linalg.norm(one.quads.across_m[rows], axis=1)
    assert tops.max() == pytest.approx(1.75)
    assert wide[tops > 1.7].max() < 0.5 * wide[tops < 1.7].max()
    assert 2 * one.solids.half_m[walker.solid, 2] == pytest.approx(1.75)
