"""Where shipped models, scenes, missions and settings are: beside the source, or in the prefix they went to."""

import sys
from pathlib import Path

PACKAGE = "snn_robotics"


def models_dir() -> Path:
    """Folder of the shipped model files (`*.safetensors`)."""
    return _resource_dir("models")


def config_dir() -> Path:
    """Folder of the default configuration files (`*.yaml`)."""
    return _resource_dir("config")


def scenes_dir() -> Path:
    """Folder of the shipped scenes and conditions (`*.yaml`)."""
    return _resource_dir("scenes")


def missions_dir() -> Path:
    """Folder of the shipped missions (`*.yaml`)."""
    return _resource_dir("missions")


def _resource_dir(name: str) -> Path:
    """First existing folder: in the source tree, then in `share/snn_robotics` of an enclosing or the running prefix.

    An enclosing prefix is a colcon install space, a user's site or a virtual environment.

    Raises:
        FileNotFoundError: none of them has the folder.
    """
    here = Path(__file__).resolve()
    source_tree = here.parents[1]
    candidates = [source_tree / name] if (source_tree / "package.xml").is_file() else []
    candidates += [prefix / "share" / PACKAGE / name for prefix in (*here.parents, Path(sys.prefix))]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(
        f"no {name}/ folder of {PACKAGE}: looked for {source_tree / name} and for share/{PACKAGE}/{name} above it and "
        f"in {sys.prefix}; build with colcon, install with pip, or run from the source tree"
    )
