"""Genes and parameters: the way there and back, ties, bounds, and the chain rule."""

import numpy as np
import pytest

from snn_core.genome import MATRICES, MIRRORED, Genes, Genome
from snn_core.network import NetworkParams
from snn_core.network_config import PAPER_BOUNDS, NetworkConfig
from unit.networks import STRUCTURES, name_of

EVERY = [*STRUCTURES, NetworkConfig(pairs=3, hidden="iwta", connectivity="paired", opposed=True)]


def names(config: NetworkConfig) -> str:
    return name_of(config) + ("-opposed" if config.opposed else "")


def inner_genes(genome: Genome, count: int = 1, seed: int = 0) -> Genes:
    """Random genes in the middle half of their bounds."""
    middle, quarter = (genome.low + genome.high) / 2, (genome.high - genome.low) / 4
    return np.random.default_rng(seed).uniform(middle - quarter, middle + quarter, (count, genome.size))


@pytest.mark.parametrize("config", EVERY, ids=names)
def test_encode_undoes_decode(config: NetworkConfig) -> None:
    genome = Genome(config)
    genes = inner_genes(genome, 3)
    params = genome.decode(genes)
    np.testing.assert_allclose(genome.encode(params), genes, rtol=0, atol=1e-6)
    for again, first in zip(genome.decode(genome.encode(params)), params, strict=True):
        np.testing.assert_array_equal(again, first)


@pytest.mark.parametrize("config", EVERY, ids=names)
def test_shapes_are_those_that_the_structure_declares(config: NetworkConfig) -> None:
    params = Genome(config).decode(inner_genes(Genome(config), 2))
    for name, shape in config.shapes().items():
        assert getattr(params, name).shape == (2, *shape), name
        assert getattr(params, name).dtype == np.float32


@pytest.mark.parametrize(
    ("config", "genes"),
    [
        # ten parameters per pair without the trace's leak, one read-out leak
        (NetworkConfig(pairs=20), 10 * 20 + 1),
        (NetworkConfig(pairs=20, opposed=True), 9 * 20 + 1),
        (NetworkConfig(pairs=20, hidden="iwta", connectivity="paired"), 11 * 20 + 40 + 1),
        (NetworkConfig(pairs=20, hidden="recurrent", connectivity="paired"), 10 * 20 + 40 + 1),
        (NetworkConfig(pairs=20, hidden="recurrent_iwta"), 11 * 20 + 2 * 800 + 1),
    ],
)
def test_gene_counts(config: NetworkConfig, genes: int) -> None:
    assert Genome(config).size == genes


@pytest.mark.parametrize("config", EVERY, ids=names)
def test_any_genes_decode_to_parameters_within_bounds(config: NetworkConfig) -> None:
    genome = Genome(config)
    wild = np.random.default_rng(1).normal(0.0, 100.0, (8, genome.size))
    params = genome.decode(wild)
    for name in NetworkParams._fields:
        low, high = PAPER_BOUNDS[name]
        values = getattr(params, name)
        assert values.size == 0 or (values.min() >= np.float32(low) and values.max() <= np.float32(high)), name
    assert params.w_in.max() == 2.0


def test_own_bounds_replace_those_of_the_paper() -> None:
    genome = Genome(NetworkConfig(pairs=3, bounds={"leak_out": (0.1, 0.3)}))
    assert genome.decode(np.full(genome.size, 1e3)).leak_out[0] == np.float32(0.3)
    assert genome.decode(np.full(genome.size, -1e3)).leak_out[0] == np.float32(0.1)


@pytest.mark.parametrize("config", EVERY, ids=names)
def test_partners_share_their_genes(config: NetworkConfig) -> None:
    params, half = Genome(config).decode(inner_genes(Genome(config))), config.pairs
    for name in set(NetworkParams._fields) - set(MATRICES) - {"leak_out"}:
        left, right = getattr(params, name)[0, :half], getattr(params, name)[0, half:]
        np.testing.assert_array_equal(right, -left if name in MIRRORED else left, err_msg=name)
    for name in MATRICES:
        matrix = getattr(params, name)[0]
        mirrored = np.roll(matrix, half, axis=1)
        np.testing.assert_array_equal(np.roll(mirrored, half, axis=0) if len(matrix) > 2 else mirrored, matrix)


def test_opposed_pairs_see_only_their_difference() -> None:
    config = EVERY[-1]
    params = Genome(config).decode(inner_genes(Genome(config)))
    np.testing.assert_array_equal(params.w_cross, -params.w_own)
    assert params.w_own.any()


@pytest.mark.parametrize("config", EVERY, ids=names)
def test_gradient_is_the_chain_rule(config: NetworkConfig) -> None:
    genome, generator = Genome(config), np.random.default_rng(3)
    slopes = {name: generator.standard_normal(shape) for name, shape in config.shapes().items()}

    def linear(genes: Genes) -> float:
        params = genome.decode(genes)
        return sum(float((slopes[name] * getattr(params, name)[0].astype(float)).sum()) for name in slopes)

    genes = inner_genes(genome)[0]
    step = 0.1 * (genome.high - genome.low)
    expected = [
        (linear(genes + step * one) - linear(genes - step * one)) / (2 * step[i])
        for i, one in enumerate(np.eye(genome.size))
    ]
    np.testing.assert_allclose(genome.gradient(slopes), expected, rtol=1e-3, atol=1e-4)


def test_draw_stays_in_its_ranges_and_at_zero_without_one() -> None:
    genome = Genome(NetworkConfig(pairs=50))
    params = genome.decode(genome.draw({"w_in": (0.5, 1.0), "leak_mem": (-1.0, 5.0)}, np.random.default_rng(0)))
    assert 0.5 <= params.w_in[0, :50].min() < 0.6 < 0.9 < params.w_in[0, :50].max() <= 1.0
    assert params.leak_mem.max() == 1.0  # a range wider than the bounds is cut
    assert not params.w_out.any()


def test_mask_marks_the_genes_of_the_named_parameters() -> None:
    genome = Genome(NetworkConfig(pairs=3, hidden="iwta"))
    mask = genome.mask(*MATRICES)
    changed = genome.decode(np.where(mask, 1.0, 0.0)).w_threshold
    assert mask.sum() == 18
    assert changed.all()
    assert not Genome(NetworkConfig(pairs=3)).mask(*MATRICES).any()
