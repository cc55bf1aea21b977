"""A copy of the tree builds, installs and tests in a ROS workspace with the real colcon."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_SOURCE = shutil.ignore_patterns(".*", "__pycache__", "build", "install", "log", "runs", "out", "*.egg-info")


def copy_source(target: Path) -> None:
    """The files that git tracks or would track; outside a git checkout, everything that is not output."""
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True
    )
    if listing.returncode != 0:
        shutil.copytree(ROOT, target, ignore=NOT_SOURCE)
        return
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def run(workspace: Path, *command: str | Path) -> str:
    result = subprocess.run(command, cwd=workspace, capture_output=True, text=True, timeout=200)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def run_sourced(workspace: Path, command: str) -> str:
    """Output of a command in a shell that has sourced the workspace, as a user's has."""
    return run(workspace, "bash", "-c", f". install/setup.bash && {command}")


@pytest.fixture(scope="module")
def colcon() -> Path:
    return Path(sys.executable).with_name("colcon")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, colcon) -> Path:
    workspace = tmp_path_factory.mktemp("workspace")
    copy_source(workspace / "src" / "snn_robotics")
    run(workspace, colcon, "build")
    return workspace


@pytest.fixture(scope="module")
def prefix(workspace) -> Path:
    return workspace / "install" / "snn_robotics"


def test_executables_land_where_ros2_looks(prefix):
    from launch_reader import executables

    built = {path.name for path in (prefix / "lib/snn_robotics").iterdir() if os.access(path, os.X_OK)}
    assert built == set(executables())


def test_shared_files_are_installed(prefix):
    share = prefix / "share/snn_robotics"
    sources = [*ROOT.glob("launch/*.launch.xml"), *ROOT.glob("config/*.yaml"), *ROOT.glob("models/*.safetensors")]
    missing = [path for path in sources if not (share / path.relative_to(ROOT)).is_file()]
    assert missing == []
    assert (share / "package.xml").is_file()
    assert (prefix / "share/ament_index/resource_index/packages/snn_robotics").is_file()


def test_the_installed_command_runs(workspace):
    assert "snn" in run_sourced(workspace, "install/snn_robotics/lib/snn_robotics/snn --help")


def test_the_installed_package_uses_its_own_files(workspace, prefix):
    script = "from snn_core import resources; print(resources.models_dir(), resources.config_dir())"
    found = run_sourced(workspace, f"{sys.executable} -c '{script}'").split()
    assert found == [str(prefix / "share/snn_robotics/models"), str(prefix / "share/snn_robotics/config")]


def test_colcon_test_runs_the_unit_tests_only(workspace, colcon):
    visible = ("--event-handlers", "console_cohesion+")
    run(workspace, colcon, "test", "--return-code-on-test-failure", *visible, "--pytest-args", " -k", "test_resources")
    cases = list(ElementTree.parse(workspace / "build/snn_robotics/pytest.xml").iter("testcase"))
    assert cases
    assert {case.get("classname") for case in cases} == {"snn_robotics.tests.unit.test_resources"}
