"""`snn places evaluate`: recall and precision of a network on a query traverse, beside baselines."""

import argparse
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_cli.arguments import count, number, whole
from snn_cli.output import emit, table
from snn_cli.places_options import SOURCES, add_network_options, ensemble_config, progress, read_sources, traverses
from snn_core.energy import estimate_energy
from snn_core.errors import ConfigError, DataError
from snn_perception.places.baselines import BASELINES
from snn_perception.places.confidence import leader_of, sequence_evidence, spike_evidence
from snn_perception.places.evaluation import Truth, distance_truth, figures, index_truth, precision_recall, range_truth
from snn_perception.places.image_sources import read_arrays
from snn_perception.places.images import Array, Images
from snn_perception.places.networks import FastPlaces, PlaceNetwork
from snn_perception.places.paper_places import PaperPlaces
from snn_perception.places.sequence import SequenceConfig, filter_matrix

COLUMNS = ("recall_at_1", "recall_at_5", "recall_at_10", "recall_at_100_precision", "auc_pr", "train_s", "query_ms")


class Run(NamedTuple):
    """One method on one query traverse."""

    name: str
    similarity: Array  # (place, query) before the sequence filter
    train_s: float
    query_ms: float
    map_bytes: int
    spikes: float  # per query
    steps: float  # mean
    synops: float = 0.0  # per query
    macs: float = 0.0  # per query, of a dense network


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the action."""
    parser = actions.add_parser("evaluate", help="recall and precision on a query traverse")
    parser.add_argument("sources", nargs="+", metavar="REF... QUERY", help=SOURCES)
    parser.add_argument("--network", choices=("fast", "paper"), default="fast", help="network (default: %(default)s)")
    parser.add_argument("--baseline", choices=sorted(BASELINES), action="append", default=[], help="show it too")
    parser.add_argument("--sequence", type=count, default=1, metavar="L", help="images matched together")
    parser.add_argument("--tolerance", type=whole, default=0, metavar="N", help="frames beside the true one that count")
    parser.add_argument("--truth", metavar="NPZ", help="arrays gt_lo and gt_hi: accepted references of each query")
    parser.add_argument("--positions", nargs=2, metavar="NPZ:KEY", help="positions (image, 2) of REF and QUERY in m")
    parser.add_argument("--tolerance-m", type=number, default=None, metavar="M", help="distance that counts, with them")
    parser.add_argument("--early-exit", action="store_true", help="stop presentations when the margin suffices")
    parser.add_argument("--epochs", type=count, default=None, help="presentations of each place to the paper network")
    parser.add_argument("--plots", metavar="FOLDER", help="write pr.png and matches.png there")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    add_network_options(parser)
    parser.set_defaults(run=run, usage_error=parser.error)


def run(args: argparse.Namespace) -> None:
    """Evaluate and report."""
    if len(args.sources) < 2:
        args.usage_error("expected at least one reference traverse and, last, the query traverse")
    *references, query = read_sources(args.sources)
    maps = traverses(references)
    truth = truth_of(args, len(maps[0]), len(query.images))
    runs = [run_network(args, maps, query.images), *(run_baseline(name, maps, query.images) for name in args.baseline)]
    sequence = SequenceConfig(sequence=args.sequence)
    results = [result_of(item, truth, sequence) for item in runs]
    heads = {"reference": [r.name for r in references], "query": query.name, "network": args.network}
    rows = [[item["method"], *(item[name] for name in COLUMNS)] for item in results]
    if args.plots:
        draw(Path(args.plots), runs, truth, sequence, maps[0], query.images)
    others = {item["method"]: item for item in results[1:]}
    emit({**heads, **results[0], "baselines": others}, table((f"{len(maps[0])} places", *COLUMNS), rows), args.json)


def truth_of(args: argparse.Namespace, places: int, queries: int) -> Truth:
    """Which answers are right, from the options.

    Raises:
        DataError, ConfigError: the arrays do not fit the images, or an option lacks its partner.
    """
    if args.positions:
        if args.tolerance_m is None:
            raise ConfigError("--positions: expected --tolerance-m with it, the distance that counts as right (m)")
        here, there = (_array(text) for text in args.positions)
        _check_length(args.positions[0], here, places)
        _check_length(args.positions[1], there, queries)
        return distance_truth(here, there, args.tolerance_m)
    if args.truth is None:
        return index_truth(places, queries, args.tolerance)
    arrays = read_arrays(Path(args.truth))
    if not {"gt_lo", "gt_hi"} <= set(arrays):
        raise DataError(f"{args.truth}: expected arrays gt_lo and gt_hi, found {', '.join(arrays)}")
    for name in ("gt_lo", "gt_hi"):
        _check_length(f"{args.truth}:{name}", arrays[name], queries)
    return range_truth(places, arrays["gt_lo"], arrays["gt_hi"])


def _array(text: str) -> NDArray:
    path, _, key = text.rpartition(":")
    arrays = read_arrays(Path(path))
    if key not in arrays:
        raise DataError(f"{text}: expected file.npz:key, found the keys {', '.join(arrays)}")
    return arrays[key][:, :2]


def _check_length(name: str, values: NDArray, images: int) -> None:
    if len(values) != images:
        raise DataError(f"{name}: expected {images} entries, one for each image, found {len(values)}")


def run_network(args: argparse.Namespace, maps: list[Images], queries: Images) -> Run:
    """Train and query the network that the options name; both are compiled before the clock starts."""
    network = build(args)
    warm = build(args)
    warm.learn([images[:2] for images in maps])
    warm.answer(queries[0])
    start = time.perf_counter()
    network.learn(maps)
    train_s = time.perf_counter() - start
    answers, times = [], []
    for image in progress(queries, "queries"):
        start = time.perf_counter()
        answers.append(network.answer(image))
        times.append(time.perf_counter() - start)
    similarity = np.stack([answer.scores for answer in answers], axis=1)
    spikes, steps, synops = (
        float(np.mean([getattr(answer, name) for answer in answers])) for name in ("spikes", "steps", "synops")
    )
    query_ms = float(np.median(times)) * 1e3
    return Run(args.network, similarity, train_s, query_ms, network.bytes, spikes, steps, synops, float(network.macs))


def build(args: argparse.Namespace) -> PlaceNetwork:
    """An empty network."""
    if args.network == "paper":
        return PaperPlaces.of(args.seed, args.epochs, lambda items: progress(items, "training"))
    return FastPlaces(ensemble_config(args), early_exit=args.early_exit)


def run_baseline(name: str, maps: list[Images], queries: Images) -> Run:
    """A method without a network; the best of several reference traverses counts."""
    start = time.perf_counter()
    similarity = np.max([BASELINES[name](images, queries) for images in maps], axis=0)
    query_ms = (time.perf_counter() - start) / len(queries) * 1e3
    return Run(name, similarity, 0.0, query_ms, sum(images.nbytes for images in maps), 0.0, 0.0)


def confidences(similarity: Array, sequence: SequenceConfig, spiking: bool) -> Array | None:
    """How sure each answer is (query,): its margin in deviations; none for baselines on single images."""
    if sequence.sequence > 1:
        return np.array([sequence_evidence(leader_of(column, 2), sequence.sequence) for column in similarity.T])
    return np.array([spike_evidence(leader_of(column, 2)) for column in similarity.T]) if spiking else None


def result_of(item: Run, truth: Truth, sequence: SequenceConfig) -> dict[str, Any]:
    """The JSON result of one method."""
    similarity = filter_matrix(item.similarity, sequence)
    scores = figures(similarity, truth, confidences(similarity, sequence, item.spikes > 0))
    return {
        "method": item.name, "places": len(similarity), "queries": similarity.shape[1], "sequence": sequence.sequence,
        **scores._asdict(), "train_s": item.train_s, "query_ms": item.query_ms, "map_bytes": item.map_bytes,
        "spikes_per_query": item.spikes, "mean_time_steps": item.steps, "synops_per_query": item.synops,
        "dense_macs_per_query": item.macs,
        "energy_estimate_uj": {k[:-2]: v * 1e6 for k, v in estimate_energy(item.synops, item.macs)._asdict().items()},
    }  # fmt: skip


def draw(
    folder: Path, runs: list[Run], truth: Truth, sequence: SequenceConfig, references: Images, queries: Images
) -> None:
    """Precision and recall of every method, and examples of the network's answers."""
    from snn_cli.places_plots import match_figure, precision_recall_figure, save

    filtered = {item.name: filter_matrix(item.similarity, sequence) for item in runs}
    curves = {
        item.name: precision_recall(
            filtered[item.name], truth, confidences(filtered[item.name], sequence, item.spikes > 0)
        )
        for item in runs
    }
    save(precision_recall_figure(curves), folder / "pr.png")
    save(match_figure(filtered[runs[0].name], truth, references, queries), folder / "matches.png")
