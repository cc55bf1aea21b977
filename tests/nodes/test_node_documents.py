"""What is written about a node is what it does: parameters, topics, and the shipped parameter files."""

from importlib import import_module
from pathlib import Path

import pytest
import yaml

from launch_reader import executables
from snn_core.declarations import parameter_table

ROOT = Path(__file__).resolve().parents[2]
NODES = {name: module for name, module in executables().items() if ".nodes." in module}


def config_of(name):
    """The configuration class of a node."""
    words = "".join(word.capitalize() for word in name.split("_"))
    return getattr(import_module(NODES[name]), f"{words}Config")


@pytest.mark.parametrize("name", NODES)
def test_the_documented_parameters_are_the_declared_ones(name):
    page = (ROOT / "docs" / "nodes" / f"{name}.md").read_text()
    assert parameter_table(config_of(name)) in page, "paste what snn_core.declarations.parameter_table prints"


@pytest.mark.parametrize("name", NODES)
def test_every_topic_is_documented(name):
    page = (ROOT / "docs" / "nodes" / f"{name}.md").read_text()
    assert [topic for topic in import_module(NODES[name]).TOPICS if f"| `{topic}` |" not in page] == []


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.stem)
def test_parameter_files_fit_their_nodes(path):
    if path.stem not in NODES:
        pytest.skip("not the parameters of a node")
    values = yaml.safe_load(path.read_text())["/**"]["ros__parameters"]
    config_of(path.stem).check(values, str(path))


@pytest.mark.parametrize("name", NODES)
def test_every_parameter_says_what_it_means(name):
    assert [key for key, field in config_of(name).model_fields.items() if not field.description] == []
