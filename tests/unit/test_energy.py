"""Energy estimates, by hand."""

import pytest

from snn_core.energy import estimate_energy


def test_a_million_operations():
    found = estimate_energy(1e6, 1e6)
    assert found == pytest.approx((0.9e-6, 0.03e-6, 4.6e-6, 0.23e-6))


def test_silence_costs_nothing():
    assert estimate_energy(0.0, 10.0)[:2] == (0.0, 0.0)
