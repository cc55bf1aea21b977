"""`snn world`: look at the scenes that missions are flown in."""

import argparse
import sys
from pathlib import Path

import numpy as np

from sim_worlds.renderer import Renderer, camera_axes, lens
from sim_worlds.scene import Scene
from sim_worlds.scene_config import load_condition, load_conditions, load_scene, scene_names
from snn_cli.arguments import count, number, seed, whole
from snn_cli.output import emit, table

FOV_RAD = 1.2


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    group = commands.add_parser("world", help="scenes and conditions: list them, look at them")
    ways = group.add_subparsers(required=True, metavar="list|view")
    listing = ways.add_parser("list", help="what there is")
    listing.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    listing.set_defaults(run=run_list)
    view = ways.add_parser("view", help="draw what a camera sees along the route")
    view.add_argument("scene", help="name of a scene, or a .yaml file")
    view.add_argument("--condition", action="append", metavar="NAME", help="again for more rows (summer); all = all")
    view.add_argument("--views", type=count, default=5, metavar="N", help="pictures along the route (%(default)s)")
    view.add_argument("--height", type=number, default=1.5, metavar="M", help="height of the camera (%(default)s m)")
    view.add_argument("--time", type=whole, default=0, metavar="S", help="when, for those who walk (%(default)s s)")
    view.add_argument("--seed", type=seed, default=0, help="seed of what has been moved")
    view.add_argument("--out", type=Path, required=True, metavar="PNG", help="where the picture goes")
    view.set_defaults(run=run_view)


def run_list(args: argparse.Namespace) -> None:
    """Print scenes and conditions."""
    rows, scenes = [], {}
    for name in scene_names():
        scene = Scene(load_scene(name), load_condition("summer"))
        scenes[name] = {
            "route_m": scene.route.length_m,
            "quads": len(scene.quads.kind),
            "solids": len(scene.solids.yaw_rad),
        }
        rows.append([name, *scenes[name].values()])
    conditions = list(load_conditions())
    text = table(("scene", "route_m", "quads", "solids"), rows) + f"\nconditions: {', '.join(conditions)}"
    emit({"scenes": scenes, "conditions": conditions}, text, args.json)


def run_view(args: argparse.Namespace) -> None:
    """Draw one row of pictures for each condition."""
    from matplotlib.image import imsave

    names = args.condition or ["summer"]
    names = list(load_conditions()) if "all" in names else names
    config = load_scene(args.scene)
    rows = [_row(Scene(config, load_condition(name), args.seed), args) for name in names]
    imsave(args.out, np.concatenate(rows))
    print(f"written: {args.out} ({', '.join(names)})", file=sys.stderr)


def _row(scene: Scene, args: argparse.Namespace) -> np.ndarray:
    camera, pictures = Renderer(lens(320, 240, FOV_RAD)), []
    scene.move(float(args.time))
    for along_m in np.linspace(0.5, scene.route.length_m - 0.5, args.views):
        here = scene.route.at(float(along_m))
        eye = np.array([here.x_m, here.y_m, args.height])
        picture = camera.see(scene.quads, scene.atlas, scene.atmosphere, eye, camera_axes(here.yaw_rad))
        pictures.append(np.clip(picture, 0, 255).astype(np.uint8))
    return np.concatenate(pictures, axis=1)
