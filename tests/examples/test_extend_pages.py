"""What the pages on extending show is valid: files can be loaded, and Python runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sim_worlds.scene import Scene
from sim_worlds.scene_config import ConditionConfig, load_scene
from snn_cli.missions.mission_config import load_mission

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "extend").glob("*.md"))
BLOCK = re.compile(r"```(yaml|python)\n(.*?)```", re.DOTALL)
BLOCKS = [(page.stem, kind, text) for page in PAGES for kind, text in BLOCK.findall(page.read_text(encoding="utf-8"))]


def check_yaml(page: str, text: str, folder: Path) -> None:
    """A block that begins with the name of a file is one; any other is a line of conditions."""
    name = re.match(r"# (\S+\.yaml)\n", text)
    if name is None:
        assert [ConditionConfig.check(fields, page) for fields in yaml.safe_load(text).values()]
        return
    path = folder / name[1]
    path.write_text(text, encoding="utf-8")
    if page == "scene":
        assert len(Scene(load_scene(str(path)), ConditionConfig()).solids[0]) > 10
    else:
        assert load_mission(str(path)).name == path.stem


@pytest.mark.parametrize(("page", "kind", "text"), BLOCKS, ids=lambda value: value if len(value) < 20 else "")
def test_what_a_page_shows(page: str, kind: str, text: str, tmp_path: Path) -> None:
    if kind == "yaml":
        check_yaml(page, text, tmp_path)
        return
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_every_page_shows_something() -> None:
    assert {page for page, *_ in BLOCKS} | {"sensor"} == {page.stem for page in PAGES}
