"""What a configuration class declares about each parameter, for ROS descriptors and for the documentation."""

from typing import Any, Literal, NamedTuple, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from snn_core.config import Config


class Declaration(NamedTuple):
    """One parameter; bounds are None where there are none."""

    name: str
    kind: Any
    default: Any
    low: float | None
    high: float | None
    choices: tuple[Any, ...]
    description: str
    open_low: bool = False  # the lower bound itself is not allowed

    @property
    def bounds(self) -> str:
        """The allowed values: choices, or an interval."""
        if self.choices:
            return ", ".join(repr(choice) if choice == "" else str(choice) for choice in self.choices)
        if self.low is None and self.high is None:
            return ""
        left = "(-∞" if self.low is None else f"{'(' if self.open_low else '['}{self.low:g}"
        return f"{left}, " + ("∞)" if self.high is None else f"{self.high:g}]")


def declarations(config_type: type[Config]) -> list[Declaration]:
    """Every parameter of a configuration class, in order."""
    return [_declaration(name, info) for name, info in config_type.model_fields.items()]


def _declaration(name: str, info: FieldInfo) -> Declaration:
    choices = get_args(info.annotation) if get_origin(info.annotation) is Literal else ()
    kind = type(choices[0]) if choices else info.annotation
    lows: list[Any] = [m.ge if isinstance(m, Ge) else m.gt for m in info.metadata if isinstance(m, Ge | Gt)]
    highs: list[Any] = [m.le if isinstance(m, Le) else m.lt for m in info.metadata if isinstance(m, Le | Lt)]
    low, high = (bounds[0] if bounds else None for bounds in (lows, highs))
    open_low = any(isinstance(m, Gt) for m in info.metadata)
    return Declaration(name, kind, info.default, low, high, choices, info.description or "", open_low)


def parameter_table(config_type: type[Config]) -> str:
    """The declarations as a Markdown table."""
    rows = ["| parameter | default | allowed | meaning |", "|---|---|---|---|"]
    for item in declarations(config_type):
        default = str(item.default).lower() if isinstance(item.default, bool) else f"{item.default}"
        rows.append(f"| `{item.name}` | {default or '(empty)'} | {item.bounds} | {item.description} |")
    return "\n".join(rows)
