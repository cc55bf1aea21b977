"""What several folders of tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real recordings; without it the test is skipped, and its synthetic twin still runs."""
    folder = Path(os.environ.get("SNN_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}; set SNN_DATA to their folder")
    return folder
