"""Types of command-line arguments: what argparse checks before anything runs."""

import argparse
import math


def seed(text: str) -> int:
    """A seed: a whole number from 0."""
    return _whole(text, 0)


def count(text: str) -> int:
    """A count: a whole number from 1."""
    return _whole(text, 1)


def whole(text: str) -> int:
    """A whole number from 0."""
    return _whole(text, 0)


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"expected a finite number, got '{text}'")
    return value


def _whole(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least}, got '{text}'")
    return value
