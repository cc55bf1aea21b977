"""The factors of a sweep: what they span, and what they change."""

from dataclasses import astuple

import numpy as np
import pytest

from sim_worlds.blimp import WORLDS, BlimpParams, blimp_params
from sim_worlds.lidar import LidarParams, measure
from sim_worlds.perturbations import FACTORS, Factor, ballast_g, perturbed
from sim_worlds.weather import draw_sample
from snn_core.errors import ConfigError

SPANS = {
    "buoyancy": (-0.12, 0.12), "thrust_gain": (0.7, 1.3), "dead_time": (0.0, 0.6), "drag": (0.5, 2.0),
    "lidar_noise": (0.0, 0.05), "drop_outs": (0.0, 0.5), "jitter": (0.0, 0.3), "servo": (0.0, 0.4),
    "draft": (0.0, 0.03),
}  # fmt: skip


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("factor", FACTORS.values(), ids=lambda factor: factor.name)
def test_a_factor_spans_its_range_around_the_nominal_level(factor: Factor, world: str) -> None:
    levels = factor.levels_in(world)
    assert list(levels) == sorted(set(levels))
    assert 5 <= len(levels) <= 7
    assert factor.nominal(world) in levels
    least, most = SPANS[factor.name]
    assert levels[0] <= least
    assert levels[-1] >= most


def test_every_promised_factor_is_there() -> None:
    assert set(FACTORS) == set(SPANS)


@pytest.mark.parametrize("world", WORLDS)
def test_without_a_perturbation_the_world_is_the_world(world: str) -> None:
    params, lidar = perturbed(world, [{}, {}])
    for own, other in zip(params, blimp_params(world, 2), strict=True):
        np.testing.assert_array_equal(own, other)
    for own, other in zip(astuple(lidar), astuple(LidarParams()), strict=True):
        np.testing.assert_array_equal(own, np.broadcast_to(other, np.shape(own)))


@pytest.mark.parametrize("factor", FACTORS.values(), ids=lambda factor: factor.name)
def test_a_factor_changes_its_own_fields_in_its_own_world(factor: Factor) -> None:
    level = factor.levels[-1]
    params, lidar = perturbed("tudelft_2021", [{}, {factor.name: level}])
    fields = {**params._asdict(), **vars(lidar)}
    for name, values in fields.items():
        nominal, changed = np.broadcast_to(values, 2)
        expected = (level * nominal if factor.scales else level) if name in factor.fields else nominal
        assert changed == pytest.approx(expected), name
    assert set(factor.fields) <= {*BlimpParams._fields, *vars(LidarParams())}


def test_each_world_of_a_batch_has_its_own_lidar() -> None:
    _, lidar = perturbed("tudelft_2023", [{"lidar_noise": 0.0}, {"lidar_noise": 0.05}, {"drop_outs": 0.5}])
    generator, height = np.random.default_rng(0), np.full(3, 1.234)
    seen = np.array([measure(height, np.zeros(3), lidar, draw_sample(3, generator)) for _ in range(2000)])
    assert set(seen[:, 0]) == {1.23}
    assert seen[:, 1].std() == pytest.approx(0.05, rel=0.06)
    assert np.isnan(seen).mean(axis=0) == pytest.approx([0.0, 0.0, 0.5], abs=0.04)


def test_grams_stand_beside_the_buoyancy_only() -> None:
    buoyancy, drag = FACTORS["buoyancy"], FACTORS["drag"]
    assert ballast_g(buoyancy, -0.12) == pytest.approx(5.0)
    assert buoyancy.label(-0.12) == "-0.12 m/s² (+5.0 g of ballast)"
    assert (ballast_g(drag, 2.0), drag.label(2.0)) == (None, "2 ×")


@pytest.mark.parametrize(
    ("condition", "words"), [({"wind": 1.0}, r"unknown factor \['wind'\]"), ({"dead_time": 9.0}, "dead_time_s")]
)
def test_impossible_conditions(condition: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        perturbed("tudelft_2023", [{}, condition])
