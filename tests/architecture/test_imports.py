"""Who may import whom: the layers (import-linter), and libraries that belong to one place."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = sorted(init.parent.name for init in ROOT.glob("s*_*/__init__.py"))
ROS = (
    "ament_index_python|rclpy|builtin_interfaces|diagnostic_msgs|event_camera_msgs|geometry_msgs|lifecycle_msgs|nav_msgs"
    "|rcl_interfaces|rosgraph_msgs|sensor_msgs|std_msgs|std_srvs|tf2_msgs"
)

# A module (regular expression; its submodules are meant too) and the only files that may import it.
HOMES = {
    ROS: ["*/nodes/*.py"],
    r"(snn_\w+|sim_\w+)\.nodes": ["*/nodes/*.py", "snn_cli/*.py"],
    "aedat": ["snn_perception/events/aedat4.py"],
    "deap": ["snn_control/strategies.py"],
    "foxglove": ["snn_cli/foxglove_server.py"],
    "gymnasium": ["sim_worlds/gym_worlds.py"],
    "pybullet": ["sim_worlds/bullet.py"],
    "PIL|av": ["snn_perception/places/image_files.py"],
    "ray": ["snn_control/ray_engine.py"],
    "torch": ["snn_perception/classify/classifier_training.py"],
}


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported, at any depth of the code."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def misplaced(file: str, source: str) -> list[str]:
    """One line per import in `file` (relative to the root) that belongs elsewhere."""
    return [
        f"{file}:{line} imports {name}; only {homes or 'no file yet'} may"
        for line, name in imported(source)
        for module, homes in HOMES.items()
        if re.match(rf"({module})(\.|$)", name) and not any(fnmatch(file, home) for home in homes)
    ]


def test_layers():
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_package_is_checked():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert sorted(tools["importlinter"]["root_packages"]) == PACKAGES
    assert sorted(tools["mypy"]["files"]) == PACKAGES


@pytest.mark.parametrize("package", PACKAGES)
def test_libraries_stay_in_their_place(package):
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / package).rglob("*.py")]
    assert [line for file in files for line in misplaced(file, (ROOT / file).read_text())] == []


@pytest.mark.parametrize(
    ("file", "source", "count"),
    [
        ("snn_core/neurons.py", "import rclpy.node", 1),
        ("snn_control/pid.py", "def step():\n    from geometry_msgs.msg import WrenchStamped", 1),
        ("snn_control/pid.py", "from snn_control import nodes", 1),
        ("snn_control/evolution.py", "import numpy, deap", 1),
        ("sim_worlds/blimp.py", "import torch\nimport ray", 2),
        ("snn_control/nodes/pid_controller.py", "from geometry_msgs.msg import WrenchStamped", 0),
        ("snn_cli/demo.py", "from snn_cli.nodes.bringup import compose", 0),
        ("snn_control/strategies.py", "from deap import cma", 0),
        ("snn_core/neurons.py", '"""Never import rclpy here."""\nimport deap_like', 0),
    ],
)
def test_the_rule_sees_what_it_should(file, source, count):
    assert len(misplaced(file, source)) == count
