"""`snn train novelty`: what healthy flight looks like, learnt from simulated missions."""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from snn_cli.arguments import seed
from snn_cli.output import emit, table
from snn_cli.patrol import DT_S, Fault, Patrol, PatrolConfig
from snn_cli.sensor_faults import MAKERS
from snn_control.coordination.autoencoder import Weights, antithetic, bound, encode, fit, standardised
from snn_control.coordination.coordinator import HEIGHT, CoordinationConfig
from snn_control.coordination.novelty import FEATURES, NoveltyHeader, NoveltyModel, regrets, save_novelty
from snn_control.spiking_pid import SpikingPid, model_path

BUOYANCY_MPS2 = (0.0, -0.12, 0.05)
TRAINING, VALIDATION, TEST = range(8), range(100, 106), range(200, 203)  # missions, added to the seed
HIDDEN, LATENT, EPOCHS = 16, 3, 60
ONSET_S, LENGTH_S, SETTLED_S = 40.0, 90.0, 2.0
HARDLY_EVER = 99.9  # percentile of healthy regret that is the limit


def add_parser(ways: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand of `snn train`."""
    parser = ways.add_parser("novelty", help="train the model of healthy flight that the coordinator asks on suspicion")
    parser.add_argument("--out", required=True, metavar="MODEL", help="file to write (.safetensors)")
    parser.add_argument("--seed", type=seed, default=3000, help="seed of the missions")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run)


def features_of(mission_seed: int, networks: SpikingPid, fault: Fault | None = None) -> NDArray[np.float64]:
    """Feature vectors (sample, feature) of a mission, of a faulty one those after the onset."""
    config = PatrolConfig(
        seed=mission_seed, duration_s=LENGTH_S, hold_low_s=15.0, hold_high_s=40.0,
        buoyancy_mps2=BUOYANCY_MPS2[mission_seed % len(BUOYANCY_MPS2)],
    )  # fmt: skip
    mission = Patrol(config, CoordinationConfig(), fault=fault, networks=networks)
    begin_s = SETTLED_S + (ONSET_S if fault is not None else 0.0)
    found = []
    for k in range(round(LENGTH_S / DT_S)):
        before = mission.coordinator.monitors[HEIGHT].stamp_s
        mission.step()
        mission.flight.advance()
        if mission.coordinator.monitors[HEIGHT].stamp_s != before and k * DT_S > begin_s:
            found.append(mission.coordinator.streams.features(mission.coordinator.situation))
    return np.array(found, dtype=np.float64).reshape(-1, len(FEATURES))


def auc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Probability that a sample with a fault scores higher than one without; ties count half."""
    order = np.sort(negative)
    below = np.searchsorted(order, positive, "left") + np.searchsorted(order, positive, "right")
    return float(below.mean() / 2.0 / len(order))


def smoothed(values: NDArray[np.float64], length: int = 8) -> NDArray[np.float64]:
    """Means of rows of values, as the monitor takes them."""
    means: NDArray[np.float64] = np.convolve(values, np.full(length, 1.0 / length), "valid").astype(np.float64)
    return means


def run(args: argparse.Namespace) -> None:
    """Fly, train, find the limit on other flights, score on others again, save and report."""
    networks = SpikingPid.load(model_path("default"), DT_S)
    seeds = tuple(args.seed + k for k in TRAINING)
    flights = [features_of(s, networks) for s in tqdm(seeds, desc="flying", unit="mission", disable=None)]
    weights = fit(np.concatenate(flights), HIDDEN, LATENT, EPOCHS, args.seed)
    healthy = [regrets(weights, features_of(args.seed + k, networks)) for k in VALIDATION]
    limit = float(np.percentile(np.concatenate([smoothed(regret) for regret in healthy]), HARDLY_EVER))
    header = NoveltyHeader(regret_warn=limit, seeds=seeds, command=" ".join(["snn", *sys.argv[1:]]))
    save_novelty(Path(args.out), NoveltyModel(header, weights))
    rows = score(weights, args.seed, networks)
    result = {"model": args.out, "samples": sum(map(len, flights)), "regret_warn": limit, "auc": rows}
    columns = ("fault", "likelihood regret", "-ELBO", "squared distance")
    text = table(columns, [[name, *found.values()] for name, found in rows.items()])
    emit(result, f"{text}\n\nlimit {limit:.2f} nats, written: {args.out}", args.json)


def score(weights: Weights, first: int, networks: SpikingPid) -> dict[str, dict[str, float]]:
    """AUC of single samples of held-out missions by fault: of regret, and of two scores that optimise nothing."""
    healthy = np.concatenate([features_of(first + k, networks) for k in TEST])
    negative = scores_of(weights, healthy)
    rows = {}
    for name, make in tqdm(MAKERS.items(), desc="faults", unit="fault", disable=None):
        faulty = [features_of(first + k, networks, make(1.0 + ONSET_S, first + k)) for k in TEST]
        samples = np.concatenate(faulty)
        if len(samples):  # a fault whose every reading is refused never comes this far
            positive = scores_of(weights, samples)
            rows[name] = {key: auc(positive[key], negative[key]) for key in positive}
    return rows


def scores_of(weights: Weights, features: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Three scores of every sample."""
    x = standardised(weights, features)
    draws = antithetic(4, weights.w_mu.shape[1], np.random.default_rng(0))
    return {
        "regret": regrets(weights, features), "negative_elbo": -bound(weights, x, encode(weights, x)[0], draws).elbo,
        "squared_distance": np.sum(x**2, axis=1),
    }  # fmt: skip
