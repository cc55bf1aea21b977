"""Configuration: every fault is one line that names the source, the key, the limit and the value."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from snn_core.config import Config, nearest
from snn_core.errors import ConfigError


class PumpConfig(Config):
    flow_lps: float = Field(1.0, gt=0, le=5, description="flow (l/s)")
    stages: int = Field(2, ge=1, le=8, description="number of stages")
    mode: str = "auto"


def fault(values: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        PumpConfig.check(values, "pump.yaml")
    message = str(caught.value)
    assert message.startswith("pump.yaml: ")
    assert "\n" not in message
    return message


def file_fault(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        PumpConfig.load(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message.replace(str(path), "")  # whose words do not count


def test_good_values_pass_and_defaults_fill_in() -> None:
    config = PumpConfig.check({"flow_lps": 2})
    assert (config.flow_lps, config.stages, config.mode) == (2.0, 2, "auto")


@pytest.mark.parametrize(("typed", "meant"), [("flow", "flow_lps"), ("stage", "stages"), ("modus", "mode")])
def test_an_unknown_key_names_the_nearest(typed: str, meant: str) -> None:
    assert fault({typed: 1}) == f"pump.yaml: unknown key '{typed}', did you mean '{meant}'?"


def test_without_known_keys_there_is_nothing_near() -> None:
    assert nearest("anything", []) == "no key is allowed here"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"flow_lps": 0.0}, ("flow_lps", "greater than 0", "got 0.0", "[flow (l/s)]")),
        ({"flow_lps": 5.1}, ("flow_lps", "less than or equal to 5", "got 5.1")),
        ({"flow_lps": float("nan")}, ("flow_lps", "finite", "got nan")),
        ({"flow_lps": float("inf")}, ("flow_lps", "finite", "got inf")),
        ({"flow_lps": "fast"}, ("flow_lps", "valid number", "got 'fast'")),
        ({"stages": 2.5}, ("stages", "integer", "got 2.5")),
        ({"stages": None}, ("stages", "integer", "got None")),
    ],
)
def test_values_out_of_bounds(values: dict[str, Any], words: tuple[str, ...]) -> None:
    message = fault(values)
    for word in words:
        assert word in message


def test_a_configuration_cannot_be_changed_behind_its_back() -> None:
    with pytest.raises(ValueError, match="frozen"):
        PumpConfig().stages = 3


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pump.yaml"
    path.write_text("flow_lps: 3.5  # generous\nstages: 4\n")
    assert PumpConfig.load(path) == PumpConfig(flow_lps=3.5, stages=4)
    path.write_text("")
    assert PumpConfig.load(path) == PumpConfig()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"flow_lps: [1, 2", "not valid YAML"),
        (b"- 1\n- 2\n", "found a list"),
        (b"just text", "found a str"),
        (b"flow_lps: .nan", "finite"),
        (b"flw_lps: 1", "did you mean 'flow_lps'?"),
        (b"!!python/object/apply:os.getcwd []", "not valid YAML"),
        (b"\xff\xfe\x00\x80", "not valid YAML"),
    ],
    ids=["syntax", "list", "text", "nan", "key", "object", "binary"],
)  # fmt: skip
def test_bad_files(tmp_path: Path, content: bytes, words: str) -> None:
    assert words in file_fault(tmp_path / "pump.yaml", content)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read"):
        PumpConfig.load(tmp_path / "nowhere.yaml")
