"""Faults of spiking networks: neurons that never fire, or always."""

import numpy as np

from snn_core.network import NetworkParams

NEVER, ALWAYS = 1e9, 1e-9  # thresholds of the membrane potential


def silenced(params: NetworkParams) -> NetworkParams:
    """The same network, but no neuron of its output population ever fires."""
    return params._replace(threshold=np.full_like(params.threshold, NEVER))


def hyperactive(params: NetworkParams) -> NetworkParams:
    """The same network, but every neuron fires whenever anything reaches it."""
    return params._replace(
        threshold=np.full_like(params.threshold, ALWAYS), threshold_in=np.full_like(params.threshold_in, ALWAYS),
        bias=np.abs(params.bias) + np.float32(1.0), w_own=np.abs(params.w_own) + np.float32(1.0),
        w_cross=np.zeros_like(params.w_cross),
        w_threshold=np.zeros_like(params.w_threshold), w_recurrent=np.zeros_like(params.w_recurrent),
    )  # fmt: skip
