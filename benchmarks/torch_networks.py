"""Peers of the fitness kernel in torch: the whole population as one batch, and individual by individual."""

import numpy as np
import torch

from snn_core.network import NetworkParams


def tensors(p: NetworkParams) -> dict[str, torch.Tensor]:
    """The parameters of a population without matrices, (population, neuron)."""
    return {name: torch.from_numpy(value) for name, value in p._asdict().items() if value.ndim < 3}


def read_outs(p: dict[str, torch.Tensor], errors: torch.Tensor) -> torch.Tensor:
    """`snn_core.network.network_step` over time, (population, time); errors (time,)."""
    population, neurons = p["w_in"].shape
    swap = torch.roll(torch.arange(neurons), neurons // 2)
    v_in, s_in, current, v, s = torch.zeros(5, population, neurons)
    u, out = torch.zeros(population), []
    for error in errors:
        v_in = p["leak_in"] * v_in + (p["w_in"] * error + p["bias"]) - p["threshold_in"] * s_in
        s_in = (v_in > p["threshold_in"]).float()
        current = p["leak_syn"] * current + p["w_own"] * s_in + p["w_cross"] * s_in[:, swap]
        v = p["leak_mem"] * v + current - p["threshold"] * s
        s = (v > p["threshold"]).float()
        u = p["leak_out"] * u + (1.0 - p["leak_out"]) * (p["w_out"] * s).sum(dim=1)
        out.append(u)
    return torch.stack(out, dim=1)


def losses(p: dict[str, torch.Tensor], errors: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """MAE + 1 - Pearson of every individual, (population,)."""
    out = read_outs(p, errors)
    a, b = out - out.mean(dim=1, keepdim=True), targets - targets.mean()
    rho = (a * b).sum(dim=1) / (a.norm(dim=1) * b.norm() + 1e-12)
    return (out - targets).abs().mean(dim=1) + 1.0 - rho


def losses_one_by_one(p: dict[str, torch.Tensor], errors: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The same in a loop over individuals."""
    rows = range(len(p["w_in"]))
    return torch.cat([losses({n: x[i : i + 1] for n, x in p.items()}, errors, targets) for i in rows])


def as_tensor(x: np.ndarray) -> torch.Tensor:
    """float32 tensor of an array."""
    return torch.from_numpy(np.ascontiguousarray(x, np.float32))
