"""The manifest, the build script and the pinned requirements agree with each other and with the tree."""

import ast
import runpy
from importlib.metadata import distribution
from pathlib import Path
from unittest.mock import patch

import pytest
from catkin_pkg.package import parse_package
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
NODE_FILES = sorted(path for path in ROOT.glob("*/nodes/*.py") if path.name != "__init__.py")


@pytest.fixture
def setup_arguments(monkeypatch):
    monkeypatch.chdir(ROOT)
    with patch("setuptools.setup") as setup:
        runpy.run_path("setup.py")
    return setup.call_args.kwargs


@pytest.fixture
def executables(setup_arguments):
    """Executable -> module of every `name = module:main`."""
    scripts = [line.split(" = ") for line in setup_arguments["entry_points"]["console_scripts"]]
    return {name: target.removesuffix(":main") for name, target in scripts}


def has_main(path: Path) -> bool:
    return any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in ast.parse(path.read_text()).body)


def pins(name: str) -> dict[str, Requirement]:
    lines = [line.split("#")[0].strip() for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()]
    return {pin.name.lower(): pin for pin in map(Requirement, filter(None, lines))}


def test_manifest_is_valid():
    warnings: list[str] = []
    manifest = parse_package(str(ROOT / "package.xml"), warnings=warnings)
    assert warnings == []
    assert (manifest.package_format, manifest.name, manifest.licenses) == (3, "snn_robotics", ["Apache-2.0"])
    assert manifest.get_build_type() == "ament_python"


def test_manifest_names_every_ros_package_in_use():
    nodes = [node for path in NODE_FILES for node in ast.walk(ast.parse(path.read_text()))]
    modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    used = {module.split(".")[0] for module in modules}
    ros = {name for name in used if name.endswith(("_msgs", "_srvs", "_interfaces")) or name == "rclpy"}
    assert ros <= {depend.name for depend in parse_package(str(ROOT / "package.xml")).exec_depends}


def test_every_executable_has_its_module(executables):
    files = {name: ROOT / f"{module.replace('.', '/')}.py" for name, module in executables.items()}
    assert [name for name, path in files.items() if not path.is_file() or not has_main(path)] == []


def test_every_node_is_an_executable_of_the_same_name(executables):
    files = [path.relative_to(ROOT).with_suffix("") for path in NODE_FILES if has_main(path)]
    modules = {file.name: ".".join(file.parts) for file in files}
    assert modules
    assert modules.items() <= executables.items()


def test_the_installed_executables_are_those_of_the_build_script(executables):
    installed = {entry.name: entry.module for entry in distribution("snn_robotics").entry_points}
    assert installed == executables, "reinstall the package: make venv"


def test_everything_shipped_is_installed(setup_arguments):
    installed = {source for _, sources in setup_arguments["data_files"] for source in sources}
    folders = ("launch", "config", "models", "scenes", "missions")
    shipped = [path for folder in folders for path in ROOT.glob(f"{folder}/*")]
    wanted = {path.relative_to(ROOT).as_posix() for path in shipped if path.suffix != ".md"}
    wanted |= {"package.xml", "resource/snn_robotics"}
    assert installed == wanted


def test_tests_and_benchmarks_stay_out_of_the_installation(setup_arguments):
    tops = {package.split(".")[0] for package in setup_arguments["packages"]}
    assert tops == {init.parent.name for init in ROOT.glob("*/__init__.py")} - {"benchmarks"}


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "requirements").glob("*.txt")))
def test_requirements_are_pinned_exactly(name):
    specifiers = [str(pin.specifier) for pin in pins(name).values()]
    assert specifiers
    assert all(specifier.startswith("==") and "*" not in specifier for specifier in specifiers)


@pytest.mark.parametrize(
    ("extra", "pin_file"),
    [
        (None, "core"),
        ("sim", "sim"),
        ("rl", "rl"),
        ("train", "train"),
        ("events", "events"),
        ("view", "view"),
        ("test", "test"),
    ],
)
def test_pins_satisfy_the_declared_ranges(setup_arguments, extra, pin_file):
    declared = setup_arguments["extras_require"][extra] if extra else setup_arguments["install_requires"]
    pinned = pins(pin_file)
    for requirement in map(Requirement, declared):
        version = str(pinned[requirement.name.lower()].specifier).removeprefix("==")
        assert requirement.specifier.contains(version), requirement
