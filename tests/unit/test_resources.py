"""Where models and configuration are found: source tree, installed prefix, nowhere."""

from pathlib import Path

import pytest

from snn_core import resources


def pretend_installed(monkeypatch: pytest.MonkeyPatch, package: Path) -> None:
    monkeypatch.setattr(resources, "__file__", str(package / "resources.py"))


def test_the_source_tree_comes_first(tmp_path, monkeypatch):
    for folder in ("source/models", "share/snn_robotics/models"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "source/package.xml").touch()
    pretend_installed(monkeypatch, tmp_path / "source/snn_core")
    assert resources.models_dir() == tmp_path / "source/models"


@pytest.mark.parametrize("python_path", ["lib/python3.12/site-packages", "local/lib/python3.12/dist-packages"])
def test_an_installed_package_finds_its_prefix(tmp_path, monkeypatch, python_path):
    (tmp_path / "share/snn_robotics/models").mkdir(parents=True)
    pretend_installed(monkeypatch, tmp_path / python_path / "snn_core")
    assert resources.models_dir() == tmp_path / "share/snn_robotics/models"


def test_the_running_prefix_is_the_last_resort(tmp_path, monkeypatch):
    (tmp_path / "venv/share/snn_robotics/config").mkdir(parents=True)
    pretend_installed(monkeypatch, tmp_path / "elsewhere/snn_core")
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))
    assert resources.config_dir() == tmp_path / "venv/share/snn_robotics/config"


def test_a_foreign_models_folder_beside_the_package_is_not_taken(tmp_path, monkeypatch):
    (tmp_path / "site-packages/models").mkdir(parents=True)
    pretend_installed(monkeypatch, tmp_path / "site-packages/snn_core")
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))
    with pytest.raises(FileNotFoundError, match="no models/ folder of snn_robotics"):
        resources.models_dir()
