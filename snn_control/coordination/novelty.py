"""Has the robot been here before? Likelihood regret of a feature vector under a model of healthy flight.

    regret(x) = max over q of ELBO(x; q) - ELBO(x; encoder(x))       (Xiao, Yan, Amit 2020)

The decoder is kept, and the posterior of this one sample is improved by gradient steps from where the encoder puts it.
For what the encoder has learnt little is to be gained; for what it has not, much is. It costs milliseconds, not
microseconds, so it is asked on suspicion and at a low rate only.
"""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from snn_control.coordination.autoencoder import (
    Adam,
    Array,
    Posterior,
    Weights,
    antithetic,
    bound,
    encode,
    posterior_gradient,
    standardised,
)  # fmt: skip
from snn_core.config import Config
from snn_core.errors import ModelError
from snn_core.resources import models_dir
from snn_core.tensor_files import parse_header, parse_tensors, read_payload, write_tensor_file
from snn_core.version import VERSION

LARGEST_FILE = 1024 * 1024
STEPS, RATE, DRAWS = 20, 0.1, 4
FEATURES = ("innovation", "log innovation squared", "disagreement", "climb", "error", "snn command", "pid command")
_REMAKE = "train"


class NoveltyHeader(Config):
    """What a file says about itself."""

    kind: Literal["novelty"] = Field("novelty", description="what the file is")
    format_version: int = Field(1, description="version of this header")
    features: tuple[str, ...] = Field(FEATURES, description="meaning of the features, in order")
    regret_warn: float = Field(description="regret that healthy flight hardly ever reaches (nats)")
    seeds: tuple[int, ...] = Field((), description="missions that it learnt from")
    command: str = Field("", description="the command that made the file")
    created_by: str = Field(f"snn_robotics {VERSION}", description="software and version")


class NoveltyModel(NamedTuple):
    """A trained model of healthy flight."""

    header: NoveltyHeader
    weights: Weights


def regrets(weights: Weights, features: Array, steps: int = STEPS) -> Array:
    """Likelihood regret (batch,) of features (batch, feature), in nats, never negative."""
    x = standardised(weights, features)
    draws = antithetic(DRAWS, weights.w_mu.shape[1], np.random.default_rng(0))
    q, _ = encode(weights, x)
    free = Posterior(q.mu.copy(), q.logvar.copy())
    optimiser = Adam([free.mu, free.logvar], RATE)
    found = bound(weights, x, free, draws)
    first = best = found.elbo
    for _ in range(steps):
        optimiser.ascend(list(posterior_gradient(weights, free, draws, found)))
        found = bound(weights, x, free, draws)
        best = np.maximum(best, found.elbo)
    return best - first


def save_novelty(path: Path, model: NoveltyModel) -> None:
    """Write the file in one step."""
    write_tensor_file(path, model.header, {n: np.ascontiguousarray(w) for n, w in model.weights._asdict().items()})


def load_novelty(text: str = "default") -> NoveltyModel:
    """Read the shipped model or that of a path.

    Raises:
        ModelError: the file is missing, damaged, foreign, of other features, or holds numbers that are not finite.
    """
    path = models_dir() / "novelty.safetensors" if text == "default" else Path(text)
    payload = read_payload(path, LARGEST_FILE, "give 'default' or the path of a file that 'snn train novelty' wrote")
    header = parse_header(path, payload, NoveltyHeader, _REMAKE)
    tensors = parse_tensors(path, payload, _REMAKE)
    if header.features != FEATURES or set(tensors) != set(Weights._fields):
        raise ModelError(f"{path}: expected features {', '.join(FEATURES)}; train the model again")
    weights = Weights(**{name: np.asarray(tensors[name], np.float64) for name in Weights._fields})
    _check_shapes(path, weights)
    return NoveltyModel(header, weights)


def _check_shapes(path: Path, w: Weights) -> None:
    hidden, latent, size = w.w1.shape[-1], w.w_mu.shape[-1], len(FEATURES)
    expected = (
        (size,), (size,), (size, hidden), (hidden,), (hidden, latent), (latent,), (hidden, latent), (latent,),
        (latent, hidden), (hidden,), (hidden, size), (size,), (1,),
    )  # fmt: skip
    for name, value, shape in zip(Weights._fields, w, expected, strict=True):
        if value.shape != shape:
            raise ModelError(f"{path}: {name}: expected shape {shape}, found {value.shape}; train the model again")
        if not np.isfinite(value).all():
            raise ModelError(f"{path}: {name}: expected finite numbers, found others; train the model again")


class NoveltyMonitor:
    """Keeps the newest feature vectors, and asks the model about them when something is suspect."""

    def __init__(self, model: NoveltyModel, kept: int = 8, every_s: float = 1.0) -> None:
        self.model, self.every_s = model, every_s
        self.features = np.zeros((kept, len(FEATURES)))
        self.count = 0
        self.asked_s = -np.inf
        self.regret = 0.0
        self.asked = 0

    def reset(self) -> None:
        """Forget the flight."""
        self.count, self.asked_s, self.regret = 0, -np.inf, 0.0

    def learn(self, features: tuple[float, ...]) -> None:
        """The newest vector, in the order of FEATURES."""
        self.features[self.count % len(self.features)] = features
        self.count += 1

    def ask(self, now_s: float) -> float | None:
        """The mean regret of the newest vectors; None where it was asked a short while ago or too few are known."""
        if self.count < len(self.features) or 0.0 <= now_s - self.asked_s < self.every_s:
            return None
        self.asked_s, self.asked = now_s, self.asked + 1
        self.regret = float(np.mean(regrets(self.model.weights, self.features)))
        return self.regret

    @property
    def share(self) -> float:
        """Regret as a share of what healthy flight hardly ever reaches."""
        return self.regret / self.model.header.regret_warn
