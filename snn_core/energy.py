"""Estimated energy of a network, in joules, beside a dense one that computes the same; estimates, not measurements.

Energy per operation in a 45 nm process at 0.9 V, arithmetic only, after Horowitz 2014 ("Computing's energy problem"): a
spike adds a weight where a dense network multiplies and adds. Memory traffic is left out on both sides.
"""

from typing import NamedTuple

ADD_FP32_J, MULTIPLY_FP32_J = 0.9e-12, 3.7e-12
ADD_INT8_J, MULTIPLY_INT8_J = 0.03e-12, 0.2e-12


class EnergyEstimate(NamedTuple):
    """Estimated joules of one answer."""

    spiking_fp32_j: float
    spiking_int8_j: float
    dense_fp32_j: float
    dense_int8_j: float


def estimate_energy(synops: float, macs: float) -> EnergyEstimate:
    """From synaptic operations (additions) of spikes, and multiply-accumulates of the dense network."""
    return EnergyEstimate(
        synops * ADD_FP32_J, synops * ADD_INT8_J,
        macs * (ADD_FP32_J + MULTIPLY_FP32_J), macs * (ADD_INT8_J + MULTIPLY_INT8_J),
    )  # fmt: skip
