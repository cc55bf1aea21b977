"""Files of tensors: safetensors with a JSON header. Data only, never code; size and header are checked before use."""

import json
import struct
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from snn_core.config import Config
from snn_core.errors import ModelError
from snn_core.files import write_atomically

LARGEST_HEADER = 1024 * 1024
_HEADER_KEY = "snn_robotics"
_FOREIGN = {b"\x80": "a pickle", b"PK": "a zip archive (a torch checkpoint?)", b"\x89HDF": "an HDF5 file"}

H = TypeVar("H", bound=Config)
Tensors = dict[str, NDArray[Any]]


def write_tensor_file(path: Path, header: Config, tensors: Tensors) -> None:
    """Write in one step: either the whole new file is there, or what was there before."""
    write_atomically(path, save(tensors, {_HEADER_KEY: header.model_dump_json()}))


def read_payload(path: Path, largest: int, hint: str) -> bytes:
    """The bytes of a file of at most `largest` bytes; a ModelError with the hint where it cannot be read."""
    try:
        size = path.stat().st_size
        if size > largest:
            raise ModelError(f"{path}: expected at most {largest} bytes, found {size}; not a model of this software")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path.absolute()}: cannot be read ({error.strerror}); {hint}") from None


def parse_header(path: Path, payload: bytes, header_type: type[H], remake: str) -> H:
    """The header, validated; the tensors are not looked at. `remake` says how to make the file anew.

    Raises:
        ModelError: not a file of this software, of another format version, or with a header that breaks the rules.
    """
    _check_envelope(path, payload, remake)
    length = struct.unpack("<Q", payload[:8])[0]
    try:
        outer: dict[str, Any] = json.loads(payload[8 : 8 + length])
        text = outer["__metadata__"][_HEADER_KEY]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ModelError(
            f"{path}: expected a header '{_HEADER_KEY}', found none; a safetensors file of other software"
        ) from None
    _check_version(path, text, header_type.model_fields["format_version"].default, remake)
    try:
        return header_type.model_validate_json(text)
    except ValidationError as error:
        fault = error.errors()[0]
        raise ModelError(
            f"{path}: header {'.'.join(map(str, fault['loc']))}: {fault['msg'].lower()}, got {fault['input']!r}"
        ) from None


def parse_tensors(path: Path, payload: bytes, remake: str) -> Tensors:
    """The tensors by name; shapes and values are the caller's to check."""
    try:
        return load(payload)
    except SafetensorError as error:
        raise ModelError(f"{path}: truncated or damaged ({error}); copy or {remake} it again") from None


def checked_tensor(
    path: Path, tensors: Tensors, name: str, form: tuple[tuple[int, ...], Any], remake: str
) -> NDArray[Any]:
    """A copy of one tensor of a file, which has to have this form, (shape, dtype).

    Raises:
        ModelError: it is not there, or has another form.
    """
    value, (shape, dtype) = tensors.get(name), form
    if value is None:
        raise ModelError(f"{path}: expected tensor '{name}', found none; damaged file, {remake} it again")
    if value.shape != shape or value.dtype != dtype:
        raise ModelError(
            f"{path}: {name}: expected {np.dtype(dtype)} of shape {shape}, found {value.dtype} of shape {value.shape}; "
            f"damaged file, {remake} it again"
        )
    return value.copy()


def _check_envelope(path: Path, payload: bytes, remake: str) -> None:
    header_begins = payload[8:9] == b"{"  # the bytes before are a length, which may look like anything
    for magic, what in _FOREIGN.items():
        if payload.startswith(magic) and not header_begins:
            raise ModelError(
                f"{path}: expected safetensors, found {what}; unsafe formats are never opened, export to safetensors"
            )
    length = struct.unpack("<Q", payload[:8])[0] if len(payload) >= 8 else 0
    if length == 0 or length > LARGEST_HEADER or 8 + length > len(payload):
        raise ModelError(
            f"{path}: expected a safetensors header, found {len(payload)} bytes that do not hold one; "
            f"truncated or foreign file, copy or {remake} it again"
        )


def _check_version(path: Path, text: str, expected: int, remake: str) -> None:
    """Refuse another format before its fields are judged by the rules of this one."""
    try:
        stated = json.loads(text)
        version, maker = stated["format_version"], stated.get("created_by", "unknown software")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return  # no version at all: the validation that follows says what is wrong
    if version != expected:
        raise ModelError(
            f"{path}: expected format version {expected}, found {version!r}, made by {maker}; "
            f"use that software, or {remake} the model again"
        )
