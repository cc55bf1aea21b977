"""The paired spiking network: one input, an encoding layer, a hidden layer, one leaky-integrator read-out.

Structure after Burgers, Stroobants and de Croon (2023), section II and table I. Neurons come in pairs of opposite
sign: neuron k < N/2 and its partner k + N/2. `NetworkParams` holds whole populations, the population axis first; a
single controller is a population of one. `network_step` is the plain numpy definition; `snn_core.kernels` is the
fused form of the same arithmetic.
"""

from typing import NamedTuple

import numpy as np

from snn_core.neurons import Array, adaptive_lif_step, lif_step, readout_step, synapse_step, trace_step


class NetworkParams(NamedTuple):
    """Parameters of a population of networks, float32. P = population, N = neurons per layer (even).

    Hidden weights couple each pair only to its own encoding pair: neuron k receives w_own[k] s[k] + w_cross[k]
    s[partner of k]. The adaptation and recurrent matrices are either absent (P, 0, 0), paired (P, 2, N) with rows
    own and cross, or dense (P, N, N) with row = presynaptic neuron.
    """

    w_in: Array  # (P, N) input weight, current per metre of error
    bias: Array  # (P, N) encoding bias current
    leak_in: Array  # (P, N) membrane leak of the encoding layer
    threshold_in: Array  # (P, N)
    w_own: Array  # (P, N)
    w_cross: Array  # (P, N)
    leak_syn: Array  # (P, N) synaptic leak of the hidden layer
    leak_mem: Array  # (P, N) membrane leak of the hidden layer
    threshold: Array  # (P, N) resting threshold of the hidden layer
    leak_trace: Array  # (P, N) leak of the trace of each encoding neuron's spikes (IWTA), one per presynaptic neuron
    w_threshold: Array  # (P, 0 | 2 | N, 0 | N) IWTA weights
    w_recurrent: Array  # (P, 0 | 2 | N, 0 | N)
    w_out: Array  # (P, N) read-out weights, command units
    leak_out: Array  # (P,)

    @property
    def population(self) -> int:
        return int(self.w_in.shape[0])

    @property
    def neurons(self) -> int:
        """Neurons per layer; the network has twice as many."""
        return int(self.w_in.shape[1])


class NetworkState(NamedTuple):
    """Memory of a population of networks between two steps, float32; spikes are 0 or 1."""

    v_in: Array  # (P, N) membrane potential of the encoding layer
    s_in: Array  # (P, N) spikes of the encoding layer
    current: Array  # (P, N) synaptic current of the hidden layer
    v: Array  # (P, N) membrane potential of the hidden layer
    s: Array  # (P, N) spikes of the hidden layer
    trace: Array  # (P, N) trace of the encoding layer's spikes
    u: Array  # (P,) read-out


def initial_state(population: int, neurons: int) -> NetworkState:
    """A network at rest: all states zero, no spikes."""
    v_in, s_in, current, v, s, trace = np.zeros((6, population, neurons), np.float32)
    return NetworkState(v_in, s_in, current, v, s, trace, np.zeros(population, np.float32))


def slice_of(params: NetworkParams, start: int, stop: int) -> NetworkParams:
    """Individuals start to stop - 1 of a population."""
    return NetworkParams(*(np.ascontiguousarray(field[start:stop]) for field in params))


def select(params: NetworkParams, index: int) -> NetworkParams:
    """One individual of a population, as a population of one."""
    return slice_of(params, index, index + 1)


def partner(values: Array) -> Array:
    """Swap the two halves of the neuron axis: the value of each neuron's partner of opposite sign."""
    return np.roll(values, values.shape[-1] // 2, axis=-1)


def arriving_step(weights: Array, s: Array) -> Array:
    """Sum of weighted spikes for each neuron, through a paired (P, 2, N) or a dense (P, N, N) matrix.

    Presynaptic neurons are added in the order of their index, as the kernel does.
    """
    if weights.shape[1] == 2:
        return weights[:, 0] * s + weights[:, 1] * partner(s)
    total = np.zeros_like(s)
    for j in range(s.shape[1]):
        total = total + weights[:, j] * s[:, j : j + 1]
    return total


def network_step(state: NetworkState, error: Array, p: NetworkParams) -> tuple[NetworkState, Array]:
    """One step of every network on its own error.

    error: (P,) float32, metres, setpoint minus measurement. Returns the new state and the read-out (P,) in command
    units. Order within a step: encode, trace, synapse, hidden, read-out, so that a spike crosses the whole network in
    the step in which it arises.
    """
    v_in, s_in = lif_step(state.v_in, state.s_in, p.w_in * error[:, None] + p.bias, p.leak_in, p.threshold_in)
    arriving = p.w_own * s_in + p.w_cross * partner(s_in)
    if p.w_recurrent.shape[1]:
        arriving = arriving + arriving_step(p.w_recurrent, state.s)
    current = synapse_step(state.current, arriving, p.leak_syn)
    trace, adapted = state.trace, p.threshold
    if p.w_threshold.shape[1]:
        trace = trace_step(state.trace, s_in, p.leak_trace)
        adapted = p.threshold + arriving_step(p.w_threshold, trace)
    v, s = adaptive_lif_step(state.v, state.s, current, p.leak_mem, p.threshold, adapted)
    weighted, half = np.zeros_like(state.u), p.neurons // 2
    for k in range(half):  # pair by pair, as the kernels add
        weighted = weighted + p.w_out[:, k] * s[:, k]
        weighted = weighted + p.w_out[:, k + half] * s[:, k + half]
    u = readout_step(state.u, weighted, p.leak_out)
    return NetworkState(v_in, s_in, current, v, s, trace, u), u
