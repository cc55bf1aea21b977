"""Training with surrogate gradients in torch: through all of time (BPTT), or a step at a time (SLTT).

While a network learns, the one tap of each synapse is a bell over its possible delays, so that its place has a gradient
too; the bell narrows from epoch to epoch, and for the last epochs places are rounded and weights alone go on
(Hammouamri, Khalfaoui-Hassani, Masquelier 2023).

SLTT (Meng et al. 2023) cuts the gradient that runs from step to step through membrane potentials. A spike that arrives
later, through delays, waits with the graph of its own step until the last has arrived: memory is bounded by the longest
delay, not by the length of a sample.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from snn_perception.classify.labelled_recordings import LabelledRecordings, Whole
from snn_perception.classify.spike_counts import Counts, InputConfig, warp_samples
from snn_perception.classify.spiking_layers import LayerParams, NetworkConfig, NetworkParams, padding
from snn_perception.classify.surrogate_kernels import fire_backward, fire_forward
from snn_perception.classify.training_config import TrainingConfig

FIRST_DEVIATION = 0.8  # of the currents of a layer, before anything is learnt
FIRST_EVIDENCE = 0.3  # of a step
Progress = Callable[[Iterable[Any]], Iterable[Any]]


class Trainee(torch.nn.Module):
    """A network whose taps are bells of a common width; `width` 0 means whole delays."""

    def __init__(self, network: NetworkConfig, inputs: InputConfig, draw: torch.Generator) -> None:
        super().__init__()
        self.network, self.width, self.places = network, 0.0, network.places(inputs)
        self.weight, self.place, self.bias = (torch.nn.ParameterList() for _ in range(3))
        for layer, (channels, _, _) in zip(network.layers, self.places, strict=False):
            shape = layer.channels, channels, layer.kernel, layer.kernel
            self.weight.append(torch.randn(shape, generator=draw))
            self.place.append(torch.rand(shape, generator=draw) * (layer.delays - 1))
            self.bias.append(torch.zeros(layer.channels))
        self.readout = torch.nn.Parameter(torch.randn(network.classes, int(np.prod(self.places[-1])), generator=draw))
        self.constant = torch.nn.Parameter(torch.zeros(network.classes))

    def kernel(self, k: int) -> Tensor:
        """Weights (out, in, delay, row, column) of layer k, spread over the delays by bells; longest delay first."""
        delays = self.network.layers[k].delays
        place = self.place[k].clamp(0, delays - 1)[:, :, None]
        steps = torch.arange(delays - 1, -1, -1)[:, None, None]
        if self.width == 0:
            bell = (steps == place.round()).float()
        else:
            bell = torch.exp(-0.5 * ((steps - place) / self.width) ** 2)
            bell = bell / bell.sum(dim=2, keepdim=True)
        return self.weight[k][:, :, None] * bell

    def current(self, k: int, spikes: Tensor, kernel: Tensor) -> Tensor:
        """Input current of layer k; spikes (sample, in, step, row, column) begin `delays - 1` steps before it."""
        stride = self.network.layers[k].stride
        pads = [side for length in (*spikes.shape[:-3:-1],) for side in padding(length, kernel.shape[-1], stride)]
        return functional.conv3d(functional.pad(spikes, pads), kernel, self.bias[k], (1, stride, stride))

    def params(self) -> NetworkParams:
        """The synapses as the kernels of `spiking_layers` want them, delays rounded."""
        layers = []
        for layer, weight, place, bias in zip(self.network.layers, self.weight, self.place, self.bias, strict=True):
            delay = place.detach().clamp(0, layer.delays - 1).round().permute(1, 2, 3, 0).to(torch.uint8)
            layers.append(LayerParams(_array(weight.permute(1, 2, 3, 0)), np.ascontiguousarray(delay), _array(bias)))
        readout = self.readout.reshape(-1, *self.places[-1]).permute(2, 3, 1, 0).flatten(0, 2)
        return NetworkParams(tuple(layers), _array(readout), _array(self.constant))


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(tensor.detach().numpy(), np.float32)


class _Fire(torch.autograd.Function):
    """Leaky neurons that start from rest: spikes of currents (sample, channel, step, row, column)."""

    @staticmethod
    def forward(ctx: Any, current: Tensor, leak: float) -> Tensor:
        memory = current.permute(0, 2, 3, 4, 1).contiguous()
        potential, spikes = torch.empty_like(memory), torch.empty_like(memory)
        fire_forward(_flat(memory), np.float32(leak), _flat(potential), _flat(spikes))
        ctx.save_for_backward(potential)
        ctx.leak = leak
        return spikes.permute(0, 4, 1, 2, 3)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        (potential,) = ctx.saved_tensors
        slope = slopes[0].permute(0, 2, 3, 4, 1).contiguous()
        found = torch.empty_like(slope)
        fire_backward(_flat(slope), np.float32(ctx.leak), _flat(potential), _flat(found))
        return found.permute(0, 4, 1, 2, 3), None


def _flat(memory: Tensor) -> NDArray[np.float32]:
    """(sample, step, neuron)"""
    return memory.numpy().reshape(*memory.shape[:2], -1)


def inputs_of(counts: Counts) -> Tensor:
    """Counts (sample, step, polarity, row, column) as (sample, polarity, step, row, column)."""
    return torch.from_numpy(counts).float().transpose(1, 2).contiguous(memory_format=torch.channels_last_3d)


def evidence(net: Trainee, counts: Tensor, mask: Tensor) -> Tensor:
    """z (step, sample, class) of inputs (sample, 2, step, row, column); mask (sample, feature) drops features."""
    spikes = counts
    for k, layer in enumerate(net.network.layers):
        earlier = functional.pad(spikes, (0, 0, 0, 0, layer.delays - 1, 0))
        spikes = _Fire.apply(net.current(k, earlier, net.kernel(k)), layer.leak)
    features = spikes.movedim(2, 0).flatten(2) * mask
    return functional.linear(features, net.readout, net.constant).cumsum(0)


def bptt(net: Trainee, counts: Tensor, label: Tensor, mask: Tensor, config: TrainingConfig) -> float:
    """Add the gradient of the mean cross-entropy of all judged steps; returns it."""
    z = evidence(net, counts, mask)[config.deaf :]
    loss = functional.cross_entropy(z.flatten(0, 1), label.repeat(len(z)), label_smoothing=config.smoothing)
    loss.backward()
    return loss.item()


def sltt(net: Trainee, counts: Tensor, label: Tensor, mask: Tensor, config: TrainingConfig) -> float:
    """The same loss, with gradients of each step's own graph alone."""
    sources = [net.kernel(k) for k in range(len(net.network.layers))]
    kernels = [source.detach().requires_grad_() for source in sources]
    windows = _windows(net.network)
    potentials: list[Tensor | float] = [0.0] * len(windows)
    z, total, judged = torch.zeros(net.network.classes), 0.0, counts.shape[2] - config.deaf
    for t in range(counts.shape[2]):
        below, shot = counts[:, :, t], []
        for k, layer in enumerate(net.network.layers):
            windows[k].push(below)
            u = layer.leak * potentials[k] + net.current(k, windows[k].stacked(), kernels[k])[:, :, 0]
            s = _Spike.apply(u)
            potentials[k], below = (u - s).detach(), s
            shot.append(s)
        features = below.detach().requires_grad_()
        z = z.detach() + functional.linear(features.flatten(1) * mask, net.readout, net.constant)
        if t >= config.deaf:
            loss = functional.cross_entropy(z, label, label_smoothing=config.smoothing) / judged
            loss.backward()
            shot[-1].backward(features.grad)
            total += loss.item()
        for window in windows[:0:-1]:
            window.settle()
    for window in windows[:0:-1]:
        window.settle(whole=True)
    for source, kernel in zip(sources, kernels, strict=True):
        source.backward(kernel.grad)
    return total


class _Spike(torch.autograd.Function):
    """Spikes of one step; backwards the derivative of an arc tangent (Fang et al. 2021)."""

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> Tensor:
        ctx.save_for_backward(u)
        return (u >= 1).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Tensor:
        (u,) = ctx.saved_tensors
        return slopes[0] / (1 + (np.pi * (u - 1)) ** 2)


class _Window:
    """The last steps of a layer, cut from their graphs, which they get their gradient back for once it is whole."""

    def __init__(self, delays: int, patience: int) -> None:
        self.delays, self.patience = delays, patience
        self.steps: deque[tuple[Tensor, Tensor]] = deque()  # spikes with their graph, the same without

    def push(self, spikes: Tensor) -> None:
        self.steps.append((spikes, spikes.detach().requires_grad_(spikes.requires_grad)))

    def stacked(self) -> Tensor:
        """(sample, channel, step, row, column), silence before the first."""
        there = [cut for _, cut in list(self.steps)[-self.delays :]]
        return torch.stack([torch.zeros_like(there[0])] * (self.delays - len(there)) + there, 2)

    def settle(self, whole: bool = False) -> None:
        """Give back the gradient of the steps whose last spikes have arrived, or of all."""
        while len(self.steps) > (0 if whole else self.delays - 1 + self.patience):
            spikes, cut = self.steps.popleft()
            if cut.grad is not None:
                spikes.backward(cut.grad)


def _windows(network: NetworkConfig) -> list[_Window]:
    """Windows onto the input of each layer; spikes wait until those that they caused have been blamed."""
    longest = [layer.delays - 1 for layer in network.layers]
    return [_Window(layer.delays, sum(longest[k + 1 :])) for k, layer in enumerate(network.layers)]


def train(
    data: LabelledRecordings, chosen: Whole, inputs: InputConfig, network: NetworkConfig, config: TrainingConfig,
    progress: Progress = iter,
) -> NetworkParams:  # fmt: skip
    """A network that has learnt the chosen samples, each time changed at random.

    Torch is told to use one thread, so that the same seed gives the same bytes on any number of cores; several networks
    may be trained side by side in threads of Python.
    """
    torch.set_num_threads(1)
    rng, draw = np.random.default_rng([config.seed, 0]), torch.Generator().manual_seed(config.seed)
    net = Trainee(network, inputs, draw)
    batches = -(-len(chosen) // config.batch)
    optimiser, schedule = _optimiser(net, config, batches * config.epochs)
    for epoch in progress(range(config.epochs)):
        net.width = config.width_at(epoch)
        for part in np.array_split(rng.permutation(chosen), batches):
            counts = inputs_of(warp_samples(data, part, inputs, config.warp, rng))
            if epoch == 0 and schedule.last_epoch == 0:
                _settle(net, counts)
            optimiser.zero_grad()
            mask = torch.rand((len(part), net.readout.shape[1]), generator=draw) >= config.dropout
            descend = bptt if config.method == "bptt" else sltt
            descend(net, counts, torch.from_numpy(data.label[part]), mask / (1 - config.dropout), config)
            optimiser.step()
            schedule.step()
    return net.params()


def _optimiser(net: Trainee, config: TrainingConfig, steps: int) -> tuple[Any, Any]:
    synapses = [*net.weight, *net.bias, net.readout, net.constant]
    groups = [{"params": synapses, "weight_decay": config.decay}, {"params": list(net.place), "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=config.rate)
    rates = [config.rate, max(config.delay_rate, 1e-12)]
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(optimiser, rates, total_steps=steps + 1, pct_start=0.2)


@torch.no_grad()
def _settle(net: Trainee, counts: Tensor) -> None:
    """Scale the first weights so that every layer's currents have the same spread (Mishkin, Matas 2016)."""
    spikes = counts
    for k, layer in enumerate(net.network.layers):
        earlier = functional.pad(spikes, (0, 0, 0, 0, layer.delays - 1, 0))
        net.weight[k].mul_(FIRST_DEVIATION / net.current(k, earlier, net.kernel(k)).std())
        spikes = _Fire.apply(net.current(k, earlier, net.kernel(k)), layer.leak)
    net.readout.mul_(FIRST_EVIDENCE / functional.linear(spikes.movedim(2, 0).flatten(2), net.readout).std())
