"""Faults of a file on its way: what a disk, a copy or an attacker makes of it."""

import json
import struct
from collections.abc import Callable
from typing import Any

from snn_core.errors import ConfigError

CANARY = "snn_fault_canary"
# A pickle that would create a file named CANARY in the working folder, if anything opened it.
PICKLE = f"\x80\x04c\nbuiltins\nopen\n(X\x10\x00\x00\x00{CANARY}X\x01\x00\x00\x00wtR.".encode("latin1")

FILE_FAULTS: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "flipped_header": lambda data: data[:8] + bytes([data[8] ^ 0xFF]) + data[9:],
    "pickle": lambda data: PICKLE,
    "zip": lambda data: b"PK\x03\x04" + data,
    "hdf5": lambda data: b"\x89HDF\r\n\x1a\n" + data,
    "giant_header": lambda data: struct.pack("<Q", 2**62) + data[8:],
    "text": lambda data: b"this is not a model\n",
}


def corrupted(name: str, data: bytes) -> bytes:
    """The bytes after the fault of that name; ConfigError where there is none."""
    if name not in FILE_FAULTS:
        raise ConfigError(f"unknown file fault '{name}': expected one of {', '.join(FILE_FAULTS)}")
    return FILE_FAULTS[name](data)


def with_header(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """A safetensors file whose JSON header was changed; the tensors' bytes stay."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def with_value(data: bytes, tensor: str, value: float) -> bytes:
    """A safetensors file whose tensor (the first with that ending) begins with another float32."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    name = next(name for name in sorted(header) if name.endswith(tensor))
    at = 8 + length + header[name]["data_offsets"][0]
    return data[:at] + struct.pack("<f", value) + data[at + 4 :]
