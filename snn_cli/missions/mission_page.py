"""A mission as one self-contained HTML page."""

import html
from pathlib import Path
from typing import Any

from snn_cli.missions.album import Album
from snn_cli.missions.mission_config import AnyMission
from snn_cli.missions.mission_figures import figures
from snn_cli.plots import embedded
from snn_cli.report import STYLE, cells
from snn_core.files import write_atomically
from snn_core.version import VERSION

ABOUT = {
    "route": "The robot follows a route that it was shown once, by what its camera recognises, by how its events move, "
    "and by its gyro and lidar.",
    "hold": "The robot stays where it began, by the velocity over ground that its events tell, its gyro and its lidar.",
    "profile": "The robot flies ahead and climbs from height to height; spiking networks hold each by the lidar.",
    "avoid": "Something approaches, time and again: the robot gets out of its way when its events say it is near. "
    "Then the same comes to a robot that holds still, to judge the time to contact.",
}


def write_page(path: Path, album: Album, mission: AnyMission, result: dict[str, Any]) -> None:
    """The page: result, figures, decisions; raises OutputError if it cannot be written."""
    shown = {key: value for key, value in result.items() if not isinstance(value, (list, dict))}
    pictures = "".join(f'<img alt="" src="{embedded(figure)}">' for figure in figures(album, mission))
    decisions = [[f"{decision.time_s:.1f}", decision.text] for decision in album.decisions]
    told = cells(("time (s)", "decision"), decisions, "facts") if decisions else "<p>nothing out of the ordinary</p>"
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>snn_robotics: {html.escape(mission.name)}</title>
<style>{STYLE}</style></head>
<body><h1>Mission {html.escape(mission.name)}, {html.escape(mission.scene)} in {html.escape(mission.condition)}</h1>
<p>{html.escape(mission.about)} {ABOUT[mission.kind]} The true positions below are the referee's.</p>
{pictures}<h2>Result</h2>{cells(("", ""), list(shown.items()), "facts")}
<h2>What it decided</h2>{told}
<p class="note">Pictures are of the first flight, curves of all. snn_robotics {VERSION}</p></body></html>
"""
    write_atomically(path, page.encode())
