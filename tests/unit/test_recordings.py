"""Reading recorded flights: what comes out of a good CSV, and one clear line for a bad one."""

from pathlib import Path

import numpy as np
import pytest

from snn_control.recordings import read_recording, read_recordings
from snn_core.errors import DataError


def write_flight(path: Path, rows: list[str] | None = None, header: str = "t_s,u,h_m", end: str = "\n") -> Path:
    """A flight of 40 s at 5 Hz that climbs 1 cm per second from 1 m; or other rows."""
    rows = rows if rows is not None else [f"{k / 5:.1f},0,{1.0 + k / 500:.4f}" for k in range(201)]
    path.write_text("\n".join([header, *rows]) + end)
    return path


def fault(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_recording(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message.replace(str(path), "")  # whose words do not count


def test_heights_are_resampled_and_stepped_as_the_lidar_does(tmp_path: Path) -> None:
    recording = read_recording(write_flight(tmp_path / "climb.csv"), dt_s=0.1)
    assert (recording.name, recording.dt_s, len(recording.height_m)) == ("climb", 0.1, 401)
    np.testing.assert_allclose(recording.height_m, 1.0 + np.arange(401) / 1000, rtol=0, atol=0.005 + 1e-9)
    np.testing.assert_allclose(recording.height_m * 100, np.round(recording.height_m * 100), atol=1e-9)
    assert recording.height_m[-1] == pytest.approx(1.4)


def test_resampling_interpolates(tmp_path: Path) -> None:
    recording = read_recording(write_flight(tmp_path / "f.csv", ["0,0,0", "40,0,4"]), dt_s=1.0, quantum_m=0.001)
    np.testing.assert_allclose(recording.height_m, np.arange(41) / 10, atol=1e-9)


@pytest.mark.parametrize("name", ["h_m", "height_m", "h_optitrack_m"])
def test_names_of_the_height(tmp_path: Path, name: str) -> None:
    assert read_recording(write_flight(tmp_path / "f.csv", header=f"t_s, u , {name}")).height_m[0] == 1.0


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    first, same = (read_recording(write_flight(tmp_path / name)).digest for name in ("a.csv", "b.csv"))
    other = read_recording(write_flight(tmp_path / "c.csv", header="t_s,v,h_m")).digest
    assert first == same != other
    assert len(first) == 64


LINES = [f"{k / 5:.1f},0,1.0" for k in range(201)]
FAULTS = {
    "no height": (LINES, "t_s,u,depth", ("columns t_s and one of h_m", "found t_s, u, depth")),
    "no time": (LINES, "time,u,h_m", ("columns t_s",)),
    "short row": ([*LINES[:10], "2.0,0", *LINES[11:]], None, ("line 12", "expected 3 columns, found 2")),
    "long row": ([*LINES[:10], "2.0,0,1,1", *LINES[11:]], None, ("line 12", "expected 3 columns, found 4")),
    "blank row": ([*LINES[:10], "", *LINES[11:]], None, ("line 12", "expected 3 columns, found 0")),
    "nan": ([*LINES[:10], "2.0,0,nan", *LINES[11:]], None, ("line 12", "h_m", "finite")),
    "infinite time": ([*LINES[:-1], "inf,0,1.0"], None, ("line 202", "t_s", "finite")),
    "text": ([*LINES[:10], "2.0,0,high", *LINES[11:]], None, ("line 12", "expected a number, found 'high'")),
    "time stands": ([*LINES[:10], LINES[9], *LINES[11:]], None, ("line 12", "t_s to increase")),
    "too short": (LINES[:100], None, ("at least 30 s", "found 100 rows")),
    "one row": (LINES[:1], None, ("at least 30 s",)),
    "no rows": ([], None, ("at least 30 s",)),
}


@pytest.mark.parametrize(("rows", "header", "words"), FAULTS.values(), ids=FAULTS)
def test_bad_recordings(tmp_path: Path, rows: list[str], header: str | None, words: tuple[str, ...]) -> None:
    message = fault(write_flight(tmp_path / "bad.csv", rows, header or "t_s,u,h_m"))
    for word in words:
        assert word in message


def test_files_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01")
    (tmp_path / "empty.csv").write_bytes(b"")
    assert "binary data" in fault(tmp_path / "binary.csv")
    assert "found nothing" in fault(tmp_path / "empty.csv")
    assert "cannot be read" in fault(tmp_path / "missing.csv")
    assert "cannot be read" in fault(tmp_path)


def test_a_byte_order_mark_of_a_spreadsheet_is_no_part_of_the_header(tmp_path: Path) -> None:
    path = write_flight(tmp_path / "f.csv")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_recording(path).height_m[0] == 1.0


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "c.txt"):
        write_flight(tmp_path / name)
    assert [recording.name for recording in read_recordings(tmp_path)] == ["a", "b"]
    assert [recording.name for recording in read_recordings(tmp_path / "b.csv")] == ["b"]


def test_a_folder_without_recordings(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a flight CSV or a folder of them, found none; or use --flights sim"):
        read_recordings(tmp_path)


def test_the_real_flights(data_dir: Path) -> None:
    flights = read_recordings(data_dir / "flights")
    assert [flight.name[-1] for flight in flights] == ["1", "2", "4", "6"]
    assert [round(len(flight.height_m) * 0.1) for flight in flights] == [192, 197, 193, 292]
    assert all(0.0 < flight.height_m.min() < flight.height_m.max() < 6.0 for flight in flights)
