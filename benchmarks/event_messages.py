"""event_camera_msgs/EventPacket for rclpy where that package is not installed: its one message, built with rosidl.

The field names and types are those of the package, so that publishers and subscribers of it match. Needs gcc and the
message generators that come with ROS; a machine without them plays PointCloud2 alone.
"""

import os
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import numpy as np

from snn_perception.events.rosbag_events import DEFINITION

PACKAGE = "event_camera_msgs"
BUILD = Path(__file__).resolve().parents[1] / "build" / "messages"
PREFIX = Path(sys.prefix)
GENERATORS = (("-t", "c"), ("-t", "py"), ("-ts", "c"), ("-ts", "fastrtps_c"), ("-ts", "introspection_c"))
SOURCES = {  # library: sources, and what it is linked with
    "rosidl_generator_c": (
        "msg/detail/event_packet__functions.c msg/detail/event_packet__description.c", "rosidl_runtime_c rcutils",
        ("rosidl_generator_c",), (),
    ),
    "rosidl_typesupport_fastrtps_c": (
        "msg/detail/event_packet__type_support_c.cpp",
        "rosidl_typesupport_fastrtps_c rosidl_typesupport_fastrtps_cpp fastcdr",
        ("rosidl_typesupport_fastrtps_c",), ("rosidl_generator_c",),
    ),
    "rosidl_typesupport_introspection_c": (
        "msg/detail/event_packet__type_support.c", "rosidl_typesupport_introspection_c",
        ("rosidl_typesupport_introspection_c",), ("rosidl_generator_c",),
    ),
    "rosidl_typesupport_c": (
        "msg/event_packet__type_support.cpp", "rosidl_typesupport_c", (),
        ("rosidl_generator_c", "rosidl_typesupport_fastrtps_c", "rosidl_typesupport_introspection_c"),
    ),
}  # fmt: skip
EXTENSION = f"{PACKAGE}_s__rosidl_typesupport_c"


def provide() -> Path | None:
    """Make `event_camera_msgs` importable; the folder that others need on PYTHONPATH, none where it cannot be."""
    if find_spec(PACKAGE) is not None:
        return Path(str(find_spec(PACKAGE).origin)).parents[1]
    if find_spec("rclpy") is None or find_spec("rosidl_generator_py") is None or which("gcc") is None:
        return None
    if not (BUILD / PACKAGE / f"{EXTENSION}.so").is_file():
        try:
            _build()
        except (OSError, subprocess.CalledProcessError):
            return None
    sys.path.append(str(BUILD))
    return BUILD


def _build() -> None:
    source = BUILD / "source"
    (source / "msg").mkdir(parents=True, exist_ok=True)
    (source / "msg" / "EventPacket.msg").write_text(DEFINITION)
    for options in GENERATORS:
        _generate(source, options)
    (BUILD / PACKAGE / "__init__.py").touch()
    for name, (sources, libraries, standard, own) in SOURCES.items():
        linked = [*libraries.split(), *(f"std_msgs__{part}" for part in standard), *(f"{PACKAGE}__{p}" for p in own)]
        _compile(f"lib{PACKAGE}__{name}.so", sources.split(), linked)
    own = [f"{PACKAGE}__{name}" for name in SOURCES]
    linked = [*own, "std_msgs__rosidl_generator_py", "std_msgs__rosidl_generator_c", "rosidl_runtime_c"]
    _compile(f"{EXTENSION}.so", [f"_{PACKAGE}_s.ep.rosidl_typesupport_c.c", "msg/_event_packet_s.c"], linked)


def _generate(source: Path, options: tuple[str, str]) -> None:
    """One generator; its command line refuses generators that are registered twice, as some installations have them."""
    script = (
        "import importlib.metadata as m, rosidl_cli.entry_points as e, sys\n"
        "e.get_entry_points = lambda group, *, specs=None, strict=False: "
        "{p.name: p for p in m.entry_points(group=group) if specs is None or p.name in specs}\n"
        "from rosidl_cli.cli import main\nsys.exit(main())"
    )
    command = [
        "generate",
        "-o",
        str(BUILD / PACKAGE),
        "-I",
        str(PREFIX / "share"),
        *options,
        PACKAGE,
        "msg/EventPacket.msg",
    ]
    environment = {**os.environ, "AMENT_PREFIX_PATH": str(PREFIX), "PATH": f"{PREFIX / 'bin'}:{os.environ['PATH']}"}
    subprocess.run(
        [sys.executable, "-c", script, *command], cwd=source, env=environment, check=True, capture_output=True
    )


def _compile(name: str, sources: list[str], libraries: list[str]) -> None:
    folder, lib = BUILD / PACKAGE, PREFIX / "lib"
    headers = [
        BUILD,
        PREFIX / "include",
        *(PREFIX / "include").iterdir(),
        sysconfig.get_paths()["include"],
        np.get_include(),
    ]
    command = [
        "g++" if sources[0].endswith(".cpp") else "gcc", "-O1", "-shared", "-fPIC", *(f"-I{h}" for h in headers),
        "-o", str(folder / name), *(str(folder / source) for source in sources), f"-L{lib}", f"-L{folder}",
        "-Wl,--no-as-needed", f"-Wl,-rpath,$ORIGIN:{lib}", f"-Wl,-soname,{name}", *(f"-l{name}" for name in libraries),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
