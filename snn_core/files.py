"""Writing files so that a reader never meets half of one."""

import os
from contextlib import suppress
from pathlib import Path

from snn_core.errors import OutputError


def write_atomically(path: Path, payload: bytes) -> None:
    """Write through a temporary neighbour; raises OutputError and leaves the old file alone if that fails."""
    if not path.name or path.is_dir():
        raise OutputError(f"{path}: cannot be written (it is a folder); name a file")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(payload)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):  # on a read-only disk even a file that is not there cannot be removed
            temporary.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another place") from None
