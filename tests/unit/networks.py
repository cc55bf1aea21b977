"""Networks for tests: random ones without any symmetry, and a plain run of them."""

import numpy as np

from snn_core.network import NetworkParams, NetworkState, initial_state, network_step
from snn_core.network_config import NetworkConfig
from snn_core.neurons import Array

# Ranges in which neurons of both layers fire often but not always.
LIVELY = {
    "w_in": (-2.0, 2.0), "bias": (-0.5, 0.8), "leak_in": (0.3, 1.0), "threshold_in": (0.2, 1.0), "w_own": (-2.0, 2.0),
    "w_cross": (-2.0, 2.0), "leak_syn": (0.0, 0.8), "leak_mem": (0.0, 0.9), "threshold": (0.3, 1.5),
    "leak_trace": (0.5, 1.0), "w_threshold": (-0.3, 0.3), "w_recurrent": (-0.5, 0.5), "w_out": (-1.0, 1.0),
    "leak_out": (0.3, 0.9),
}  # fmt: skip
STRUCTURES = [
    NetworkConfig(pairs=3, hidden=hidden, connectivity=connectivity)
    for hidden in ("lif", "iwta", "recurrent", "recurrent_iwta")
    for connectivity in ("paired", "dense")
    if (hidden, connectivity) != ("lif", "dense")
]


def name_of(config: NetworkConfig) -> str:
    return f"{config.hidden}-{config.connectivity}"


def random_networks(config: NetworkConfig, population: int, seed: int = 0) -> NetworkParams:
    """A population whose parameters are all drawn independently: no ties that could hide a swapped index."""
    generator = np.random.default_rng(seed)
    shapes = config.shapes()
    fields = [generator.uniform(*LIVELY[name], (population, *shapes[name])) for name in NetworkParams._fields]
    return NetworkParams(*(field.astype(np.float32) for field in fields))


def random_errors(sequences: int, steps: int, seed: int = 1) -> Array:
    """Errors that wander within about a metre, (sequence, time)."""
    steps_m = np.random.default_rng(seed).standard_normal((sequences, steps)) * 0.3
    wander = np.empty_like(steps_m)
    level = np.zeros(sequences)
    for t in range(steps):
        level = 0.9 * level + steps_m[:, t]
        wander[:, t] = level
    return wander.astype(np.float32)


def plain_run(p: NetworkParams, errors: Array) -> tuple[Array, Array]:
    """What `kernels.run` computes, by `network_step`: read-outs (population, sequence, time) and spike counts."""
    out = np.empty((p.population, *errors.shape), np.float32)
    spikes = np.zeros(out.shape[:2])
    for q, sequence in enumerate(errors):
        state = initial_state(p.population, p.neurons)
        for t, error in enumerate(sequence):
            state, out[:, q, t] = network_step(state, np.repeat(error, p.population), p)
            spikes[:, q] += spikes_of(state)
    return out, spikes


def spikes_of(state: NetworkState) -> Array:
    """Spikes of the last step, (population,)."""
    return state.s_in.sum(axis=1) + state.s.sum(axis=1)
