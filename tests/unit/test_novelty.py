"""The model of healthy flight: exact gradients, and a regret that its optimisation makes."""

import numpy as np
import pytest

from snn_control.coordination.autoencoder import (
    Posterior,
    antithetic,
    bound,
    encode,
    fit,
    posterior_gradient,
    standardised,
    weight_gradient,
)
from snn_control.coordination.novelty import (
    FEATURES,
    NoveltyHeader,
    NoveltyModel,
    NoveltyMonitor,
    load_novelty,
    regrets,
    save_novelty,
)
from snn_core.errors import ModelError


@pytest.fixture(scope="module")
def data():
    """A curve in as many dimensions as there are features, with noise."""
    generator = np.random.default_rng(0)
    t = generator.uniform(-2.0, 2.0, 1500)
    clean = np.stack([t, np.sin(2 * t), np.cos(t), t**2, np.tanh(3 * t), 0.5 * t, -t], axis=1)
    return clean + 0.05 * generator.standard_normal(clean.shape)


@pytest.fixture(scope="module")
def weights(data):
    return fit(data[:1000], 12, 2, 80, seed=1)


def test_gradients_are_those_of_the_bound(data):
    start = fit(data[:200], 6, 2, 1, seed=3)
    x, draws = standardised(start, data[:16]), antithetic(3, 2, np.random.default_rng(1))

    def mean_bound():
        return float(bound(start, x, encode(start, x)[0], draws).elbo.mean())

    for value, gradient in zip(start[2:], weight_gradient(start, x, draws), strict=True):
        index = tuple(0 for _ in value.shape)
        kept, eps = value[index], 1e-5
        value[index] = kept + eps
        above = mean_bound()
        value[index] = kept - eps
        below = mean_bound()
        value[index] = kept
        assert gradient[index] == pytest.approx((above - below) / (2 * eps), rel=1e-4, abs=1e-7)


def test_the_gradient_of_the_posterior_is_that_of_the_bound(weights, data):
    x, draws = standardised(weights, data[:4]), antithetic(3, 2, np.random.default_rng(1))
    q, _ = encode(weights, x)
    slope = posterior_gradient(weights, q, draws, bound(weights, x, q, draws))
    for which in (0, 1):
        shifted = [Posterior(*(part + (k == which) * d for k, part in enumerate(q))) for d in (1e-5, -1e-5)]
        up, down = (bound(weights, x, s, draws).elbo for s in shifted)
        assert slope[which].sum(axis=1) == pytest.approx((up - down) / 2e-5, rel=1e-3, abs=1e-5)


def test_regret_is_what_the_optimisation_gains(weights, data):
    strange = data[1000:1200].copy()
    strange[:, 1] += 1.5  # off the curve
    assert np.array_equal(regrets(weights, strange, steps=0), np.zeros(200))
    few, many = regrets(weights, strange, steps=1), regrets(weights, strange, steps=20)
    assert (few >= 0.0).all()
    assert (many >= few).all()
    assert np.median(many) > 1.5 * np.median(few) > 0.0


def test_what_was_never_seen_has_more_regret(weights, data):
    healthy, strange = data[1000:], data[1000:] + np.array([0.0, 1.5, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert np.median(regrets(weights, strange)) > np.percentile(regrets(weights, healthy), 95)


def test_training_gives_the_same_bytes_from_the_same_seed_and_helps(data, weights):
    again = fit(data[:1000], 12, 2, 80, seed=1)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(weights, again, strict=True))
    x, draws = standardised(weights, data[1000:]), antithetic(4, 2, np.random.default_rng(2))
    untrained = fit(data[:1000], 12, 2, 0, seed=1)
    before, after = (bound(w, x, encode(w, x)[0], draws).elbo.mean() for w in (untrained, weights))
    assert after > before + 3.0


def test_numbers_without_bounds_stay_finite(weights):
    assert np.isfinite(regrets(weights, np.array([[1e308] * 7, [-1e308] * 7, [0.0] * 7]))).all()


def test_the_monitor_is_slow_and_needs_samples(weights):
    monitor = NoveltyMonitor(NoveltyModel(NoveltyHeader(regret_warn=1.0), weights), kept=4, every_s=1.0)
    assert monitor.ask(10.0) is None
    for _ in range(4):
        monitor.learn((0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    assert monitor.ask(10.0) > 0.0
    assert monitor.ask(10.9) is None
    assert monitor.ask(11.0) is not None
    assert monitor.ask(5.0) is not None  # a clock that was set back


def test_files_round_trip_and_bad_ones_are_refused(weights, tmp_path):
    path = tmp_path / "novelty.safetensors"
    save_novelty(path, NoveltyModel(NoveltyHeader(regret_warn=2.0), weights))
    found = load_novelty(str(path))
    assert found.header.regret_warn == 2.0
    assert all(np.array_equal(a, b) for a, b in zip(found.weights, weights, strict=True))
    save_novelty(path, NoveltyModel(NoveltyHeader(regret_warn=2.0), weights._replace(b1=np.full(12, np.nan))))
    with pytest.raises(ModelError, match="b1: expected finite numbers"):
        load_novelty(str(path))
    save_novelty(path, NoveltyModel(NoveltyHeader(regret_warn=2.0), weights._replace(w2=np.zeros((3, 3)))))
    with pytest.raises(ModelError, match=r"w2: expected shape \(2, 12\), found \(3, 3\)"):
        load_novelty(str(path))
    save_novelty(path, NoveltyModel(NoveltyHeader(regret_warn=2.0, features=("x",)), weights))
    with pytest.raises(ModelError, match=f"expected features {FEATURES[0]}"):
        load_novelty(str(path))
    with pytest.raises(ModelError, match="cannot be read"):
        load_novelty(str(tmp_path / "none.safetensors"))


def test_the_shipped_model_loads():
    assert load_novelty().header.regret_warn > 0.0
