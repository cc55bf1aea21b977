"""Configuration: one declaration per parameter validates files, ROS parameters and the command line alike."""

import difflib
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from typing_extensions import Self

from snn_core.errors import ConfigError


def nearest(name: str, known: list[str]) -> str:
    """A hint naming the known key that `name` most resembles."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"did you mean '{close[0]}'?" if close else "no key is allowed here"


class Config(BaseModel):
    """Base of every configuration: immutable, no unknown keys, finite numbers only."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def check(cls, values: dict[str, Any], source: str = "configuration") -> Self:
        """Validate `values`; the first fault becomes a ConfigError that names source, key, limit and value."""
        for key in values:
            if key not in cls.model_fields:
                raise ConfigError(f"{source}: unknown key '{key}', {nearest(str(key), list(cls.model_fields))}")
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError(f"{source}: {_explain(cls, error)}") from None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and validate a YAML file of this configuration's keys."""
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: expected 'key: value' lines, found a {type(values).__name__}")
        return cls.check(values, str(path))


def _explain(cls: type[BaseModel], error: ValidationError) -> str:
    fault = error.errors()[0]
    key = ".".join(str(part) for part in fault["loc"]) or "values"
    field = cls.model_fields.get(str(fault["loc"][0])) if fault["loc"] else None
    about = f" [{field.description}]" if field is not None and field.description else ""
    return f"{key}: {fault['msg'].lower()}, got {fault['input']!r}{about}"
