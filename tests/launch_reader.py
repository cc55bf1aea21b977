"""Reads ROS 2 launch files (XML) as data: which nodes they start, with which names, parameters and remaps.

Only documented elements are known, and anything else is an error: a file refused here may fail on a robot too.
`$(find-pkg-share snn_robotics)` is the source tree: its folders are the ones that are installed.
"""

import ast
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

PACKAGE = "snn_robotics"
ROOT = Path(__file__).resolve().parents[1]
TRUTH = {"true": True, "1": True, "false": False, "0": False}


class LaunchError(Exception):
    """A launch file that does not say what it should."""


@dataclass(frozen=True)
class NodeAction:
    """One process that a launch file starts; the namespace is absolute, or empty where none is given."""

    exec: str
    name: str | None = None
    namespace: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    parameter_files: tuple[Path, ...] = ()
    remaps: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    args: tuple[str, ...] = ()
    respawn: bool = False
    respawn_delay_s: float = 0.0

    def command(self) -> list[str]:
        """The command line that `ros2 launch` would run."""
        renames = dict(self.remaps)
        if self.name:
            renames["__node"] = self.name
        if self.namespace:
            renames["__ns"] = self.namespace
        command = [str(Path(sys.executable).with_name(self.exec)), *self.args, "--ros-args"]
        for path in self.parameter_files:
            command += ["--params-file", str(path)]
        for key, value in self.parameters.items():
            command += ["-p", f"{key}:={yaml.safe_dump(value, default_flow_style=True).splitlines()[0]}"]
        for source, target in renames.items():
            command += ["-r", f"{source}:={target}"]
        return command


@dataclass
class Scope:
    """What substitutions and pushed namespaces see at one place of a file."""

    folder: Path
    arguments: dict[str, str]
    variables: dict[str, str]
    namespace: str = ""

    def inner(self) -> "Scope":
        return Scope(self.folder, self.arguments, dict(self.variables), self.namespace)


def read_launch(path: Path, args: dict[str, str] | None = None) -> list[NodeAction]:
    """The nodes that a launch file starts with these arguments, in order.

    Raises:
        LaunchError: unknown element, attribute, substitution, package or argument, or one without a value.
    """
    declared = {element.get("name") for element in ElementTree.parse(path).iter("arg")}
    if unknown := set(args or {}) - declared:
        raise LaunchError(f"{path.name}: no argument {sorted(unknown)}; it declares {sorted(map(str, declared))}")
    return list(_file(path, Scope(path.parent, dict(args or {}), {})))


def executables() -> dict[str, str]:
    """Installed executable -> the module that it runs."""
    return {entry.name: entry.module for entry in distribution(PACKAGE).entry_points.select(group="console_scripts")}


def topics(executable: str) -> tuple[str, ...]:
    """The relative topic names of a node: the constant `TOPICS` of its module."""
    path = ROOT / f"{executables()[executable].replace('.', '/')}.py"
    for statement in ast.parse(path.read_text()).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "TOPICS" for target in targets):
            return tuple(ast.literal_eval(statement.value))
    raise LaunchError(f"{path}: no constant TOPICS, a tuple of topic names")


def _file(path: Path, scope: Scope) -> Iterator[NodeAction]:
    root = ElementTree.parse(path).getroot()
    if root.tag != "launch":
        raise LaunchError(f"{path.name}: the root is <{root.tag}>, expected <launch>")
    try:
        yield from _children(root, scope)
    except LaunchError as error:
        raise error if str(error).startswith(path.name) else LaunchError(f"{path.name}: {error}") from error


def _children(element: ElementTree.Element, scope: Scope) -> Iterator[NodeAction]:
    for child in element:
        if child.tag not in ELEMENTS:
            raise LaunchError(f"unknown element <{child.tag}>; known: {sorted(ELEMENTS)}")
        if _enabled(child, scope):
            yield from ELEMENTS[child.tag](child, scope) or ()


def _enabled(element: ElementTree.Element, scope: Scope) -> bool:
    enabled = _truth(scope, element.attrib.get("if", "true"))
    return enabled and not _truth(scope, element.attrib.get("unless", "false"))


def _truth(scope: Scope, text: str) -> bool:
    value = _substitute(text, scope).lower()
    if value not in TRUTH:
        raise LaunchError(f"expected true or false, found {text!r}")
    return TRUTH[value]


def _substitute(text: str, scope: Scope) -> str:
    """Resolve `$(...)`, innermost first."""
    while match := re.search(r"\$\(([^()]*)\)", text):
        text = text[: match.start()] + _resolve(match[1].split(), scope) + text[match.end() :]
    return text


def _resolve(words: list[str], scope: Scope) -> str:
    match words:
        case ["var", name] if name in scope.variables:
            return scope.variables[name]
        case ["find-pkg-share", package] if package == PACKAGE:
            return str(ROOT)
        case ["env", name, *default] if name in os.environ or default:
            return os.environ.get(name, " ".join(default))
        case ["dirname"]:
            return str(scope.folder)
    raise LaunchError(f"cannot resolve $({' '.join(words)}); variables here: {sorted(scope.variables)}")


def _attributes(element: ElementTree.Element, scope: Scope, required: str, optional: str = "") -> dict[str, str]:
    """The resolved attributes, after a check of their names."""
    given = set(element.attrib) - {"if", "unless"}
    if missing := set(required.split()) - given:
        raise LaunchError(f"<{element.tag} {element.attrib}> lacks {sorted(missing)}")
    if unknown := given - set(f"{required} {optional}".split()):
        raise LaunchError(f"<{element.tag}> has no attribute {sorted(unknown)}")
    return {name: _substitute(element.attrib[name], scope) for name in given}


def _arg(element: ElementTree.Element, scope: Scope) -> None:
    found = _attributes(element, scope, "name", "default description")
    name = found["name"]
    if name not in scope.arguments and "default" not in found:
        raise LaunchError(f"argument {name!r} has no value and no default")
    scope.variables[name] = scope.arguments.get(name, found.get("default", ""))


def _let(element: ElementTree.Element, scope: Scope) -> None:
    found = _attributes(element, scope, "name value")
    scope.variables[found["name"]] = found["value"]


def _group(element: ElementTree.Element, scope: Scope) -> Iterator[NodeAction]:
    scoped = _attributes(element, scope, "", "scoped").get("scoped", "true")
    return _children(element, scope.inner() if _truth(scope, scoped) else scope)


def _push_namespace(element: ElementTree.Element, scope: Scope) -> None:
    scope.namespace = _join(scope.namespace, _attributes(element, scope, "namespace")["namespace"])


def _include(element: ElementTree.Element, scope: Scope) -> Iterator[NodeAction]:
    path = Path(_attributes(element, scope, "file")["file"])
    if not path.is_file():
        raise LaunchError(f"<include>: no file {path}")
    if foreign := {child.tag for child in element} - {"arg"}:
        raise LaunchError(f"<include> holds unknown {sorted(foreign)}")
    passed = [_attributes(child, scope, "name value") for child in element]
    arguments = scope.arguments | {found["name"]: found["value"] for found in passed}
    return _file(path, Scope(path.parent, arguments, dict(scope.variables), scope.namespace))


def _node(element: ElementTree.Element, scope: Scope) -> Iterator[NodeAction]:
    found = _attributes(element, scope, "pkg exec", "name namespace output respawn respawn_delay args")
    if found["pkg"] != PACKAGE:
        raise LaunchError(f"<node>: package {found['pkg']!r}, expected {PACKAGE!r}")
    if found["exec"] not in executables():
        raise LaunchError(f"<node>: {found['exec']!r} is not installed; installed: {sorted(executables())}")
    if foreign := {child.tag for child in element} - {"param", "remap", "env"}:
        raise LaunchError(f"<node> holds unknown {sorted(foreign)}")
    parts = [child for child in element if _enabled(child, scope)]
    params = [_param(child, scope) for child in parts if child.tag == "param"]
    remaps = [_attributes(child, scope, "from to") for child in parts if child.tag == "remap"]
    variables = [_attributes(child, scope, "name value") for child in parts if child.tag == "env"]
    yield NodeAction(
        exec=found["exec"],
        name=found.get("name"),
        namespace=_join(scope.namespace, found.get("namespace", "")),
        parameters={key: value for param in params if isinstance(param, dict) for key, value in param.items()},
        parameter_files=tuple(param for param in params if isinstance(param, Path)),
        remaps={remap["from"]: remap["to"] for remap in remaps},
        environment={variable["name"]: variable["value"] for variable in variables},
        args=tuple(found.get("args", "").split()),
        respawn=_truth(scope, found.get("respawn", "false")),
        respawn_delay_s=float(found.get("respawn_delay", 0.0)),
    )


def _param(element: ElementTree.Element, scope: Scope) -> dict[str, Any] | Path:
    """A parameter file, or one parameter whose text is read as YAML, as ROS does; no text is an empty string."""
    if "from" not in element.attrib:
        found = _attributes(element, scope, "name value")
        return {found["name"]: yaml.safe_load(found["value"]) if found["value"] else ""}
    path = Path(_attributes(element, scope, "from")["from"])
    if not path.is_file():
        raise LaunchError(f"<param>: no file {path}")
    return path


def _join(outer: str, inner: str) -> str:
    """An absolute namespace replaces the outer one, a relative one nests in it; the result is absolute or empty."""
    if inner.startswith("/") or not inner:
        return inner or outer
    return f"{outer}/{inner}"


ELEMENTS = {
    "arg": _arg,
    "let": _let,
    "group": _group,
    "include": _include,
    "node": _node,
    "push_ros_namespace": _push_namespace,
}
