"""A small variational autoencoder over feature vectors, in NumPy: what healthy flight looks like.

    q(z|x) = N(mu(x), diag exp(logvar(x))),  mu and logvar linear in h = tanh(W1 x + b1)
    p(x|z) = N(W3 tanh(W2 z + b2) + b3, s^2 I)
    ELBO(x; q) = E_q[log p(x|z)] - KL(q(z|x) || N(0, I))            (Kingma and Welling 2014)

Expectations are means over fixed standard normal draws and their negatives, so that the bound is one number.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LOG_2PI = float(np.log(2.0 * np.pi))
LOWEST_LOGVAR, HIGHEST_LOGVAR = -12.0, 6.0


class Weights(NamedTuple):
    """Parameters; `mean` and `scale` standardise the features."""

    mean: Array  # (feature,)
    scale: Array  # (feature,)
    w1: Array  # (feature, hidden)
    b1: Array
    w_mu: Array  # (hidden, latent)
    b_mu: Array
    w_var: Array  # (hidden, latent)
    b_var: Array
    w2: Array  # (latent, hidden)
    b2: Array
    w3: Array  # (hidden, feature)
    b3: Array
    log_s: Array  # (1,)


class Posterior(NamedTuple):
    """q(z|x) of a batch, (batch, latent) each."""

    mu: Array
    logvar: Array


def standardised(weights: Weights, features: Array) -> Array:
    """Features (batch, feature) in units of their spread, kept within bounds that tanh can tell apart."""
    return np.clip((np.clip(np.atleast_2d(features), -1e9, 1e9) - weights.mean) / weights.scale, -20.0, 20.0)


def encode(weights: Weights, x: Array) -> tuple[Posterior, Array]:
    """The posterior of standardised features, and the hidden layer behind it."""
    hidden = np.tanh(x @ weights.w1 + weights.b1)
    logvar = np.clip(hidden @ weights.w_var + weights.b_var, LOWEST_LOGVAR, HIGHEST_LOGVAR)
    return Posterior(hidden @ weights.w_mu + weights.b_mu, logvar), hidden


class Bound(NamedTuple):
    """ELBO of a batch, (batch,), and what its gradients are made of."""

    elbo: Array
    z: Array  # (draw, batch, latent)
    hidden: Array  # (draw, batch, hidden)
    residual: Array  # (draw, batch, feature)


def bound(weights: Weights, x: Array, q: Posterior, draws: Array) -> Bound:
    """The evidence lower bound of standardised features under a posterior; draws: (draw, latent), standard normal."""
    z = q.mu + np.exp(0.5 * q.logvar) * draws[:, None, :]
    hidden = np.tanh(z @ weights.w2 + weights.b2)
    residual = x - (hidden @ weights.w3 + weights.b3)
    log_s = float(weights.log_s[0])
    constant = x.shape[1] * (log_s + 0.5 * LOG_2PI)
    likelihood = -0.5 * np.exp(-2.0 * log_s) * np.mean(np.sum(residual**2, axis=2), axis=0) - constant
    divergence = 0.5 * np.sum(np.exp(q.logvar) + q.mu**2 - 1.0 - q.logvar, axis=1)
    return Bound(likelihood - divergence, z, hidden, residual)


def posterior_gradient(weights: Weights, q: Posterior, draws: Array, found: Bound) -> Posterior:
    """Gradient of the bound in mu and logvar, (batch, latent) each."""
    pull = np.exp(-2.0 * float(weights.log_s[0])) * found.residual @ weights.w3.T
    at_z = (pull * (1.0 - found.hidden**2)) @ weights.w2.T / len(draws)
    spread = 0.5 * np.exp(0.5 * q.logvar) * draws[:, None, :]
    return Posterior(at_z.sum(axis=0) - q.mu, (at_z * spread).sum(axis=0) - 0.5 * (np.exp(q.logvar) - 1.0))


def antithetic(count: int, latent: int, generator: np.random.Generator) -> Array:
    """Draws (2 count, latent) that cancel in pairs."""
    half = generator.standard_normal((count, latent))
    return np.concatenate([half, -half])


def fit(features: Array, hidden: int, latent: int, epochs: int, seed: int, batch: int = 128) -> Weights:
    """Train on features (sample, feature) of healthy flight, with Adam on minibatches; same seed, same bytes."""
    generator = np.random.default_rng([seed, 11])
    size = features.shape[1]

    def start(rows: int, columns: int) -> Array:
        return generator.standard_normal((rows, columns)) / np.sqrt(rows)

    weights = Weights(
        features.mean(axis=0), features.std(axis=0) + 1e-6, start(size, hidden), np.zeros(hidden),
        start(hidden, latent), np.zeros(latent), 0.1 * start(hidden, latent), np.full(latent, -1.0),
        start(latent, hidden), np.zeros(hidden), start(hidden, size), np.zeros(size), np.zeros(1),
    )  # fmt: skip
    x = standardised(weights, features)
    optimiser = Adam(list(weights[2:]), 3e-3)
    for _ in range(epochs):
        order = generator.permutation(len(x))
        for begin in range(0, len(x) - batch + 1, batch):
            draws = antithetic(2, latent, generator)
            gradient = weight_gradient(weights, x[order[begin : begin + batch]], draws)
            optimiser.ascend(gradient)
    return weights


class Adam:
    """Adam (Kingma and Ba 2015) on a list of arrays, in place."""

    def __init__(self, values: list[Array], rate: float) -> None:
        self.values, self.rate, self.steps = values, rate, 0
        self.first = [np.zeros_like(value) for value in values]
        self.second = [np.zeros_like(value) for value in values]

    def ascend(self, gradients: list[Array]) -> None:
        """One step up."""
        self.steps += 1
        short, long = 1.0 - 0.9**self.steps, 1.0 - 0.999**self.steps
        for value, m, v, g in zip(self.values, self.first, self.second, gradients, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            value += self.rate * (m / short) / (np.sqrt(v / long) + 1e-8)


def weight_gradient(weights: Weights, x: Array, draws: Array) -> list[Array]:
    """Gradient of the mean bound of a batch in every weight after `scale`, in their order."""
    q, h = encode(weights, x)
    found = bound(weights, x, q, draws)
    n, precision = len(x) * len(draws), np.exp(-2.0 * float(weights.log_s[0]))
    pull = precision * found.residual  # d/d reconstruction
    at_hidden = (pull @ weights.w3.T) * (1.0 - found.hidden**2)
    g_w3 = np.einsum("dbh,dbf->hf", found.hidden, pull) / n
    g_w2 = np.einsum("dbz,dbh->zh", found.z, at_hidden) / n
    slope = posterior_gradient(weights, q, draws, found)
    inside = (q.logvar > LOWEST_LOGVAR) & (q.logvar < HIGHEST_LOGVAR)
    g_mu, g_var = slope.mu / len(x), slope.logvar * inside / len(x)
    at_h = (g_mu @ weights.w_mu.T + g_var @ weights.w_var.T) * (1.0 - h**2)
    g_log_s = precision * np.sum(found.residual**2) / n - x.shape[1]
    return [
        x.T @ at_h, at_h.sum(axis=0), h.T @ g_mu, g_mu.sum(axis=0), h.T @ g_var, g_var.sum(axis=0),
        g_w2, at_hidden.sum(axis=(0, 1)) / n, g_w3, pull.sum(axis=(0, 1)) / n, np.array([g_log_s]),
    ]  # fmt: skip
