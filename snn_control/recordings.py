"""Recorded flights: reading them from CSV, and what a controller's lidar would have seen of them."""

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import DataError

Array = NDArray[np.float64]
TIME, HEIGHTS = "t_s", ("h_m", "height_m", "h_optitrack_m")
SHORTEST_S, LONGEST_S = 30.0, 24 * 3600.0


@dataclass(frozen=True)
class Recording:
    """Heights of one flight at the control period, as the lidar steps them."""

    name: str
    dt_s: float
    height_m: Array  # (time,)
    digest: str  # SHA-256 of the file


def read_recording(path: Path, dt_s: float = 0.1, quantum_m: float = 0.01) -> Recording:
    """Read a flight CSV with the columns `t_s` and one of h_m, height_m, h_optitrack_m; resample to `dt_s`.

    Raises DataError, naming file, line and remedy, for missing or short columns, non-finite numbers, time that does
    not increase, and flights too short to learn from.
    """
    try:
        payload = path.read_bytes()
        rows = list(csv.reader(payload.decode("utf-8-sig").splitlines()))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error):
        raise DataError(f"{path}: expected a CSV text file, found binary data") from None
    time_s, height_m = _columns(path, rows)
    if len(time_s) < 2 or time_s[-1] - time_s[0] < SHORTEST_S:
        raise DataError(
            f"{path}: expected at least {SHORTEST_S:.0f} s of flight, found {len(time_s)} rows; record longer"
        )
    duration = time_s[-1] - time_s[0]
    if duration > LONGEST_S:
        raise DataError(
            f"{path}: expected at most {LONGEST_S:.0f} s of flight, found {duration:.6g}; is {TIME} in seconds?"
        )
    if (np.diff(time_s) <= 0.0).any():
        line = int(np.argmax(np.diff(time_s) <= 0.0)) + 3
        raise DataError(f"{path}: line {line}: expected {TIME} to increase; sort the rows and drop duplicates")
    grid = np.arange(time_s[0], time_s[-1] + 1e-9, dt_s)
    height = np.round(np.interp(grid, time_s, height_m) / quantum_m) * quantum_m
    return Recording(path.stem, dt_s, height, hashlib.sha256(payload).hexdigest())


def _columns(path: Path, rows: list[list[str]]) -> tuple[Array, Array]:
    header = [name.strip() for name in rows[0]] if rows else []
    height = next((name for name in HEIGHTS if name in header), None)
    if TIME not in header or height is None:
        raise DataError(
            f"{path}: expected the columns {TIME} and one of {', '.join(HEIGHTS)}, "
            f"found {', '.join(header)[:120] or 'nothing'}"
        )
    columns = header.index(TIME), header.index(height)
    values = np.empty((len(rows) - 1, 2))
    for line, row in enumerate(rows[1:], start=2):
        for j, column in enumerate(columns):
            values[line - 2, j] = _number(path, line, row, column, header)
    return values[:, 0], values[:, 1]


def _number(path: Path, line: int, row: list[str], column: int, header: list[str]) -> float:
    if len(row) != len(header):
        raise DataError(
            f"{path}: line {line}: expected {len(header)} columns, found {len(row)}; is the file truncated?"
        )
    try:
        value = float(row[column])
    except ValueError:
        raise DataError(
            f"{path}: line {line}: {header[column]}: expected a number, found '{row[column][:40]}'"
        ) from None
    if not np.isfinite(value):
        raise DataError(
            f"{path}: line {line}: {header[column]}: expected a finite number, found {value}; remove the row"
        )
    return value


def read_recordings(folder: Path, dt_s: float = 0.1) -> list[Recording]:
    """Every CSV of a folder (or the one file given), sorted by name."""
    paths = [folder] if folder.is_file() else sorted(folder.glob("*.csv"))
    if not paths:
        raise DataError(f"{folder}: expected a flight CSV or a folder of them, found none; or use --flights sim")
    return [read_recording(path, dt_s) for path in paths]
