"""Contenders: what their genes mean."""

import numpy as np
import pytest

from snn_control.axis_control import CONTROLS
from snn_control.contenders import PairContender, PidContender
from snn_control.pid import PidConfig
from snn_control.pilots import PidGains, spiking_pair
from snn_core.genome import MATRICES, Genome
from snn_core.network_config import NetworkConfig

STRUCTURE = {
    "pd": NetworkConfig(pairs=3, hidden="recurrent_iwta"),
    "integral": NetworkConfig(pairs=2, connectivity="paired", opposed=True, hidden="iwta"),
}


@pytest.fixture
def pair() -> PairContender:
    """Around a random pair of tied networks."""
    generator = np.random.default_rng(0)
    genomes = {part: Genome(config) for part, config in STRUCTURE.items()}
    networks = {part: g.decode(generator.uniform(g.low, g.high)[None]) for part, g in genomes.items()}
    return PairContender(STRUCTURE, networks)


def test_the_start_is_the_given_pair(pair: PairContender) -> None:
    again = PairContender(STRUCTURE, pair.networks(pair.start[None]))
    np.testing.assert_allclose(again.base, pair.base, rtol=1e-6)
    for mine, other in zip(pair.pilot(pair.start[None]), spiking_pair(pair.networks(pair.start[None])), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_everything_but_the_matrices_is_free(pair: PairContender) -> None:
    matrices = sum(genome.mask(*MATRICES).sum() for genome in pair.genomes.values())
    assert len(pair.start) == len(pair.low) == len(pair.high) == len(pair.base) - matrices
    before, after = pair.networks(pair.start[None]), pair.networks(0.5 * (pair.low + pair.high)[None])
    for part, network in before.items():
        for name, values in network._asdict().items():
            if values.size and name != "w_cross":  # w_cross is tied to w_own in one of them
                assert (name in MATRICES) == np.array_equal(getattr(after[part], name), values), (part, name)


def test_pids_start_as_their_teacher() -> None:
    teacher, contender = PidConfig(), PidContender(0.1)
    assert contender.config(contender.start) == teacher
    np.testing.assert_array_equal(contender.genes(teacher), contender.start)
    gains = contender.pilot(np.stack([contender.start, contender.high]))
    assert isinstance(gains, PidGains)
    assert gains.dt_s.tolist() == [0.1, 0.1]
    assert gains.limit.tolist() == [teacher.limit] * 2
    for name, gain in CONTROLS["altitude"].gains.items():
        np.testing.assert_allclose(getattr(gains, name), [getattr(teacher, name), gain.high])


def test_pds_never_integrate() -> None:
    contender = PidContender(0.1, integrates=False)
    assert contender.names == ["kp", "kd", "derivative_filter_s"]  # what only an integral has is not tuned
    np.testing.assert_array_equal(contender.pilot(np.stack([contender.low, contender.high])).ki, 0.0)
