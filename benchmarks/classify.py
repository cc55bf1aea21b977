"""Classification of N-MNIST digits: the shipped networks, early exit, baselines, a liquid, and the memory of training.

The test samples are those that the shipped file's training held out; baselines and liquid learn from all the others.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.row import Row, duration, throughput
from snn_perception.classify.classification import ClassifyConfig, classify
from snn_perception.classify.classifier_model import load_classifier
from snn_perception.classify.classifier_trials import evidence_of, figures
from snn_perception.classify.labelled_recordings import balanced_split, read_labelled
from snn_perception.classify.linear_readout import fit_readout
from snn_perception.classify.liquid import Liquid, LiquidConfig, liquid_features
from snn_perception.classify.spike_counts import InputConfig, count_samples

DATA = Path(os.environ.get("SNN_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "events"
HELD_OUT, SPLIT_SEED, ADAPTING = 100, 0, 3
MEMORY = """
import sys
import numpy as np
import torch
from snn_cli.train_gesture import LAYERS
from snn_perception.classify.classifier_training import Trainee, bptt, inputs_of, sltt
from snn_perception.classify.spike_counts import InputConfig
from snn_perception.classify.spiking_layers import NetworkConfig
from snn_perception.classify.training_config import TrainingConfig

def status(key):
    return int(dict(line.split(":", 1) for line in open("/proc/self/status"))[key].split()[0]) / 1024

method, steps, batch = {"bptt": bptt, "sltt": sltt}[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3])
inputs = InputConfig(width=34, height=34, steps=steps)
net = Trainee(NetworkConfig(layers=LAYERS, classes=10), inputs, torch.Generator().manual_seed(0))
rng = np.random.default_rng(0)

def descend(samples):
    counts = inputs_of(rng.poisson(0.08, (samples, steps, 2, 34, 34)).astype(np.uint8))
    mask = torch.ones((samples, net.readout.shape[1]))
    method(net, counts, torch.zeros(samples, dtype=torch.long), mask, TrainingConfig())

descend(1)
open("/proc/self/clear_refs", "w").write("5")
before = status("VmRSS")
descend(batch)
print(status("VmHWM") - before)
"""


def classification() -> list[Row]:
    """Accuracy, early exit, baselines, liquid, time of a sample, and memory of training."""
    if not (DATA / "nmnist_500.npz").is_file():
        return []
    model = load_classifier()
    data = read_labelled(str(DATA / "nmnist_500.npz"), model.header.inputs.window_us)
    learn, test = balanced_split(data.label, HELD_OUT, np.random.default_rng(SPLIT_SEED))
    found = figures(evidence_of(model, data, test), data.label[test], model.header.exit)
    steps = float(found["steps"])
    baselines = _baselines(data, learn, test)
    linear = baselines["linear read-out of a count image"]
    rows = [
        throughput("100 held-out digits: accuracy", found["accuracy"], "", name, value)
        for name, value in baselines.items()
    ]
    rows += [
        throughput("with early exit: accuracy", found["early_accuracy"], "", "all steps", found["accuracy"]),
        duration("with early exit: mean steps", found["early_steps"], "", "all steps", steps),
        *_liquids(data, learn, test, linear),
        _cpu(model, data, test),
    ]
    return rows + _memory()


def _baselines(data, learn, test) -> dict[str, float]:
    majority = np.bincount(data.label[learn]).argmax()
    found = {"majority class": float(np.mean(data.label[test] == majority))}
    for name, windows in (("linear read-out of a count image", 1), ("linear read-out of three count images", 3)):
        inputs = InputConfig(width=34, height=34, steps=windows, step_us=315_000 // windows, most=255)
        features = count_samples(data, np.arange(len(data)), inputs).reshape(len(data), -1).astype(np.float64)
        readout = fit_readout(features[learn], data.label[learn])
        found[name] = float(np.mean(readout.answers(features[test]) == data.label[test]))
    return found


def _liquids(data, learn, test, linear: float) -> list[Row]:
    """Liquids whose inhibition has adapted to the unlabelled samples to learn from, and has not."""
    liquid = Liquid(34, 34, LiquidConfig())
    rows = []
    for name in ("as drawn", "balanced by inhibitory plasticity"):
        features = liquid_features(liquid, data, np.arange(len(data)), 315_000)
        right = np.mean(fit_readout(features[learn], data.label[learn]).answers(features[test]) == data.label[test])
        rate_hz = features.sum() / features.shape[0] / liquid.config.neurons / 0.315
        label = f"liquid of {liquid.config.neurons} neurons, {name}, {rate_hz:.0f} Hz: accuracy"
        rows.append(throughput(label, float(right), "", "linear read-out of a count image", linear))
        for _ in range(ADAPTING):
            liquid_features(liquid, data, learn, 315_000, adapt=True)
    return rows


def _cpu(model, data, test) -> Row:
    """CPU time of a sample, with and without early exit."""
    samples, spent = [data.sample(int(k)) for k in test], []
    for early in (True, False):
        classify(samples[0], model, ClassifyConfig(early_exit=early))
        began = time.process_time()
        for sample in samples:
            classify(sample, model, ClassifyConfig(early_exit=early))
        spent.append((time.process_time() - began) / len(samples) * 1e3)
    return duration("CPU of a sample of 315 ms", spent[0], "ms", "all steps", spent[1])


def _memory() -> list[Row]:
    """Peak memory of one gradient over 40 samples above what the process held before, each in a process of its own."""
    rows = []
    for steps in (21, 84):
        sltt, bptt = (_peak_mb(method, steps) for method in ("sltt", "bptt"))
        if sltt and bptt:
            rows.append(duration(f"memory of a gradient, SLTT, {steps} steps", sltt, "MB", "BPTT", bptt))
    return rows


def _peak_mb(method: str, steps: int) -> float:
    """Not a number where torch is not installed."""
    command = [sys.executable, "-c", MEMORY, method, str(steps), "40"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(done.stdout) if done.returncode == 0 else 0.0
