"""Build script for colcon and pip. Name, version, description and licence come from package.xml."""

from glob import glob
from pathlib import Path
from xml.etree import ElementTree

from setuptools import find_packages, setup

MANIFEST = ElementTree.parse(Path(__file__).with_name("package.xml")).getroot()
NAME = MANIFEST.findtext("name", "").strip()
SHARE = f"share/{NAME}"

setup(
    name=NAME,
    version=MANIFEST.findtext("version", "").strip(),
    description=MANIFEST.findtext("description", "").strip(),
    license=MANIFEST.findtext("license", "").strip(),
    maintainer=MANIFEST.findtext("maintainer", "").strip(),
    maintainer_email=MANIFEST.find("maintainer").get("email"),
    python_requires=">=3.10,<3.13",
    packages=find_packages(include=["snn_*", "sim_worlds", "sim_worlds.*"]),
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (SHARE, ["package.xml"]),
        (f"{SHARE}/launch", sorted(glob("launch/*.launch.xml"))),
        (f"{SHARE}/config", sorted(glob("config/*.yaml"))),
        (f"{SHARE}/scenes", sorted(glob("scenes/*.yaml"))),
        (f"{SHARE}/missions", sorted(glob("missions/*.yaml"))),
        (f"{SHARE}/models", sorted(glob("models/*.safetensors") + glob("models/*.yaml"))),
    ],
    # The oldest versions meant to work; requirements/*.txt pin the versions that are tested.
    install_requires=[
        "numpy>=1.26",
        "numba>=0.59",
        "pydantic>=2.6",
        "PyYAML>=6.0",
        "safetensors>=0.4.2",
        "deap>=1.4.1",
        "threadpoolctl>=3.1",
        "tqdm>=4.64",
        "matplotlib>=3.6",
        "rosbags>=0.10.4",
        "pillow>=9.1",
        "av>=12",
    ],
    extras_require={
        "sim": ["pybullet>=3.2.5; python_version < '3.12'", "gymnasium>=1.1"],
        "rl": ["torch>=2.4", "stable-baselines3>=2.4"],
        "train": ["torch>=2.4"],
        "ray": ["ray>=2.40"],
        "events": ["aedat>=2.2"],
        "view": ["foxglove-sdk>=0.30"],
        "test": ["pytest", "hypothesis"],
    },
    entry_points={
        "console_scripts": [
            "snn = snn_cli.main:main",
            "altitude_controller = snn_control.nodes.altitude_controller:main",
            "pid_controller = snn_control.nodes.pid_controller:main",
            "command_gate = snn_control.nodes.command_gate:main",
            "route_follower = snn_control.nodes.route_follower:main",
            "coordinator = snn_control.nodes.coordinator:main",
            "blimp_world = sim_worlds.nodes.blimp_world:main",
            "robot_world = sim_worlds.nodes.robot_world:main",
            "ground_velocity = snn_perception.nodes.ground_velocity:main",
            "event_motion = snn_perception.nodes.event_motion:main",
            "place_recognizer = snn_perception.nodes.place_recognizer:main",
            "mission_director = snn_cli.nodes.mission_director:main",
            "mission_bringup = snn_cli.nodes.mission_bringup:main",
            "bringup = snn_cli.nodes.bringup:main",
        ],
    },
)
