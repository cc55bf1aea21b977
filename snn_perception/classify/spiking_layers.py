"""A spiking convolutional network whose synapses have delays: structure, parameters, and what it does with a sample.

Every synapse has one weight and one delay (Hammouamri, Khalfaoui-Hassani, Masquelier 2023). A neuron adds up what
arrives, u <- leak u + sum_i w_i s_i(t - d_i) + b, fires where u >= 1, and is then lowered by 1 (soft reset). The
read-out has neither leak nor threshold: its potential z(t) is the evidence for each class so far.

The kernels are driven by events: a spike adds its weights to the currents of the steps in which they will arrive, and
nothing is done for synapses whose neurons are silent.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.classify.spike_counts import Counts, Floats, InputConfig

THRESHOLD = np.float32(1.0)


class LayerConfig(Config):
    """One spiking layer."""

    channels: int = Field(ge=1, le=1024, description="neurons at each place")
    kernel: int = Field(ge=1, le=31, description="side of the receptive field (places of the layer below)")
    stride: int = Field(1, ge=1, le=16, description="places of the layer below from one neuron to the next")
    delays: int = Field(1, ge=1, le=64, description="delays that a synapse may have, from 0 on (steps)")
    leak: float = Field(0.6, ge=0, le=1, description="share of the potential that is left after a step")


class NetworkConfig(Config):
    """Layers from the input to the read-out."""

    layers: tuple[LayerConfig, ...] = Field(min_length=1, max_length=8, description="spiking layers")
    classes: int = Field(ge=2, le=10_000, description="neurons of the read-out")

    def places(self, inputs: InputConfig) -> list[tuple[int, int, int]]:
        """(channels, rows, columns) of the input and of every layer."""
        found = [(2, inputs.rows, inputs.columns)]
        for layer in self.layers:
            _, rows, columns = found[-1]
            found.append((layer.channels, -(-rows // layer.stride), -(-columns // layer.stride)))
        return found


class LayerParams(NamedTuple):
    """Synapses of one layer."""

    weight: Floats  # (channel in, row, column, channel out)
    delay: NDArray[np.uint8]  # the same shape, time steps
    bias: Floats  # (channel out,)


class NetworkParams(NamedTuple):
    """Synapses of a network."""

    layers: tuple[LayerParams, ...]
    readout: Floats  # (feature, class); features as row, column, channel of the last layer
    constant: Floats  # (class,) evidence that every step brings


class Evidence(NamedTuple):
    """What a network made of a sample."""

    z: Floats  # (step, class)
    spikes: NDArray[np.int64]  # of the input and of each layer
    synops: int  # synapses that carried a spike


def padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and behind a side, so that every `stride`-th place has its neuron."""
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


class NetworkRun:
    """A network at work on one sample, from rest: potentials, and the currents that are under way."""

    def __init__(self, inputs: InputConfig, config: NetworkConfig, params: NetworkParams) -> None:
        self.config, self.params, self.now, self.synops = config, params, 0, 0
        self.places = [(rows, columns, channels) for channels, rows, columns in config.places(inputs)]
        self.pending = [
            np.zeros((c.delays, *p), np.float32) for c, p in zip(config.layers, self.places[1:], strict=True)
        ]
        self.potential = [np.zeros(place, np.float32) for place in self.places[1:]]
        self.z: Floats = np.zeros(config.classes, np.float32)
        self.spikes = np.zeros(len(self.places), np.int64)

    def step(self, counts: Counts) -> Floats:
        """Take in the counts (polarity, row, column) of one step; the evidence (class,) so far."""
        spikes = np.ascontiguousarray(counts.transpose(1, 2, 0))
        self.spikes[0] += spikes.sum()
        for k, (layer, synapses) in enumerate(zip(self.config.layers, self.params.layers, strict=True)):
            before = [padding(side, layer.kernel, layer.stride)[0] for side in spikes.shape[:2]]
            self.synops += _send(
                spikes, synapses.weight, synapses.delay, layer.stride, before[0], before[1], self.now, self.pending[k]
            )
            spikes = np.empty(self.places[k + 1], np.uint8)
            arrived = self.pending[k][self.now % layer.delays]
            self.spikes[k + 1] += _fire(arrived, synapses.bias, np.float32(layer.leak), self.potential[k], spikes)
        self.synops += _read(spikes.reshape(-1), self.params.readout, self.params.constant, self.z)
        self.now += 1
        return self.z


def gather_evidence(counts: Counts, inputs: InputConfig, config: NetworkConfig, params: NetworkParams) -> Evidence:
    """Run a network from rest over all the counts (step, polarity, row, column)."""
    run = NetworkRun(inputs, config, params)
    z = np.stack([run.step(now).copy() for now in counts])
    return Evidence(z, run.spikes, run.synops)


@njit(cache=True, nogil=True)
def _send(spikes, weight, delay, stride, before_row, before_column, now, pending):
    """Adds what each spike brings to the currents of its targets, at the steps when it arrives."""
    delays, rows, columns, outs = pending.shape
    kernel, synops = weight.shape[1], 0
    for i in range(spikes.shape[0]):
        for j in range(spikes.shape[1]):
            for c in range(spikes.shape[2]):
                if spikes[i, j, c] == 0:
                    continue
                size = np.float32(spikes[i, j, c])
                for m in range((i + before_row) % stride, kernel, stride):
                    row = (i + before_row - m) // stride
                    if row < 0 or row >= rows:
                        continue
                    for n in range((j + before_column) % stride, kernel, stride):
                        column = (j + before_column - n) // stride
                        if column < 0 or column >= columns:
                            continue
                        synops += outs
                        for o in range(outs):
                            arrival = (now + delay[c, m, n, o]) % delays
                            pending[arrival, row, column, o] += size * weight[c, m, n, o]
    return synops


@njit(cache=True, nogil=True)
def _fire(arrived, bias, leak, potential, spikes):
    """One step of the neurons of a layer; what has arrived is taken away. Returns the number of spikes."""
    fired = 0
    for i in range(arrived.shape[0]):
        for j in range(arrived.shape[1]):
            for o in range(arrived.shape[2]):
                u = leak * potential[i, j, o] + (arrived[i, j, o] + bias[o])
                arrived[i, j, o] = np.float32(0.0)
                spiking = u >= THRESHOLD
                spikes[i, j, o] = spiking
                potential[i, j, o] = u - THRESHOLD if spiking else u
                fired += spiking
    return fired


@njit(cache=True, nogil=True)
def _read(spikes, readout, constant, z):
    synops = 0
    for c in range(len(z)):
        z[c] += constant[c]
    for k in range(len(spikes)):
        if spikes[k]:
            synops += len(z)
            for c in range(len(z)):
                z[c] += readout[k, c]
    return synops
