"""A small spiking reservoir that predicts what comes and when, with a read-out that learns from its errors.

    v' = leak v + W_in x + W s;  s = v > 1;  v <- v - s;  trace' = decay trace + s          (leaky integrate-and-fire)
    y  = W_out [trace, x, 1];    W_out += rate g(|e|) e [trace, x, 1] / |[trace, x, 1]|^2,  e = what came - y

g(|e|) = |e| / (|e| + usual |e|) modulates: expected errors teach little, surprising ones much (a normalised least mean
squares rule with a third factor). The reservoir itself is random, sparse and fixed.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Reservoir:
    """Neurons, and a read-out for each quantity that is predicted."""

    def __init__(
        self, inputs: int, outputs: int, neurons: int = 120, seed: int = 0, leak: float = 0.9, decay: float = 0.8
    ) -> None:
        generator = np.random.default_rng([seed, 13])
        self.leak, self.decay = leak, decay
        self.w_in = generator.uniform(-1.0, 1.0, (neurons, inputs))
        sparse = generator.random((neurons, neurons)) < 0.1
        weights = generator.standard_normal((neurons, neurons)) * sparse
        self.w = 0.5 * weights / max(1e-9, float(np.abs(np.linalg.eigvals(weights)).max(initial=0.0)))
        self.bias = generator.uniform(0.0, 0.15, neurons)
        self.w_out: Array = np.zeros((outputs, neurons + inputs + 1))
        self.usual: Array = np.full(outputs, 1e-3)
        self.reset()

    def reset(self) -> None:
        """Neurons at rest; what was learnt stays."""
        neurons = len(self.bias)
        self.v: Array = np.zeros(neurons)
        self.s: Array = np.zeros(neurons)
        self.trace: Array = np.zeros(neurons)

    def step(self, x: Array) -> Array:
        """Take in inputs (input,), about -1 to 1; returns the state that read-outs see, (neuron + input + 1,)."""
        self.v = self.leak * self.v + self.w_in @ x + self.w @ self.s + self.bias
        self.s = (self.v > 1.0).astype(float)
        self.v = np.maximum(self.v - self.s, -2.0)
        self.trace = self.decay * self.trace + self.s
        return np.concatenate([self.trace, x, [1.0]])

    def predict(self, state: Array) -> Array:
        """What is expected, (output,)."""
        return self.w_out @ state

    def learn(self, state: Array, came: Array, rate: float = 0.05) -> None:
        """What came, (output,), after a prediction from `state`; NaN teaches nothing."""
        error = np.where(np.isfinite(came), came - self.predict(state), 0.0)
        gain = np.abs(error) / (np.abs(error) + self.usual)
        self.w_out += np.outer(rate * gain * error, state) / (state @ state)
        self.usual += 0.01 * (np.abs(error) - self.usual)
