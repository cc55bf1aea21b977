"""Neuron steps against sequences computed by hand; every number is exact in binary, so equality is exact."""

import numpy as np
import pytest

from snn_core.neurons import Array, adaptive_lif_step, lif_step, readout_step, synapse_step, trace_step


def f32(*values: float) -> Array:
    return np.array(values, np.float32)


ZERO, HALF, ONE = f32(0.0), f32(0.5), f32(1.0)


def test_lif_leaks_fires_and_loses_its_threshold_with_the_next_step() -> None:
    v = s = ZERO
    seen = []
    for _ in range(5):
        v, s = lif_step(v, s, f32(0.75), HALF, ONE)
        seen.append((v[0], s[0]))
    # 0.5 * 0.75 + 0.75 = 1.125 fires; then 0.5 * 1.125 + 0.75 - 1 = 0.3125
    assert seen == [(0.75, 0), (1.125, 1), (0.3125, 0), (0.90625, 0), (1.203125, 1)]


def test_soft_reset_keeps_what_exceeds_the_threshold() -> None:
    v, s = lif_step(f32(3.0), ONE, ZERO, ONE, ONE)
    assert (v[0], s[0]) == (2.0, 1.0)


def test_reaching_the_threshold_is_not_enough_to_fire() -> None:
    _, s = lif_step(ZERO, ZERO, ONE, HALF, ONE)
    assert s[0] == 0.0


def test_adaptation_moves_the_firing_threshold_but_not_the_price_of_a_spike() -> None:
    v = s = ZERO
    seen = []
    for _ in range(3):
        v, s = adaptive_lif_step(v, s, f32(1.25), HALF, ONE, adapted=f32(1.5))
        seen.append((v[0], s[0]))
    # 1.25 < 1.5 stays silent although it exceeds the resting threshold; 0.5 * 1.875 + 1.25 - 1 = 1.1875
    assert seen == [(1.25, 0), (1.875, 1), (1.1875, 0)]


def test_without_adaptation_it_is_a_lif_neuron() -> None:
    v, s, current = f32(0.25, -2.0, 1.5), f32(0, 1, 1), f32(1.0, 4.0, 0.5)
    for adapted, plain in zip(
        adaptive_lif_step(v, s, current, HALF, ONE, ONE), lif_step(v, s, current, HALF, ONE), strict=True
    ):
        np.testing.assert_array_equal(adapted, plain)


@pytest.mark.parametrize(
    ("step", "leak", "inputs", "outputs"),
    [
        (synapse_step, 0.5, (1.0, 0.0, 2.0), (1.0, 0.5, 2.25)),
        (trace_step, 0.5, (1.0, 1.0, 0.0), (1.0, 1.5, 0.75)),
        (readout_step, 0.75, (4.0, 0.0, 4.0), (1.0, 0.75, 1.5625)),
    ],
)
def test_leaky_sums(step, leak: float, inputs: tuple[float, ...], outputs: tuple[float, ...]) -> None:
    state, seen = ZERO, []
    for x in inputs:
        state = step(state, f32(x), f32(leak))
        seen.append(float(state[0]))
    assert tuple(seen) == outputs


def test_complementary_leak_gives_the_readout_a_gain_of_one() -> None:
    u = ZERO
    for _ in range(200):
        u = readout_step(u, f32(3.0), f32(0.875))
    assert u[0] == pytest.approx(3.0, abs=1e-5)


def test_steps_stay_in_single_precision_and_leave_their_inputs_alone() -> None:
    v, s = f32(0.5, 2.0), f32(0.0, 1.0)
    new_v, new_s = lif_step(v, s, ONE, HALF, ONE)
    assert (new_v.dtype, new_s.dtype) == (np.float32, np.float32)
    np.testing.assert_array_equal(v, f32(0.5, 2.0))
    np.testing.assert_array_equal(s, f32(0.0, 1.0))
