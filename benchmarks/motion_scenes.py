"""Direction, rotation, expansion and time to contact on drawn scenes that nothing was chosen on."""

import numpy as np

from benchmarks.row import Row, duration, throughput
from snn_perception.motion.contrast import maximise_contrast
from snn_perception.motion.motion_estimator import MotionConfig, MotionEstimator, windows
from snn_perception.motion.motion_model import load_motion_model
from snn_perception.motion.motion_scenes import KINDS, draw_scene
from snn_perception.motion.motion_trials import MEDIAN_CHI2, WINDOW_US, Seen, still, watch_scenes

SEED, ROUNDS, PEER_ROUNDS, STILL = 2000, 40, 5, 100
SETTLED_PX = 6.0  # of the image's motion after which memory is full
PEER = "contrast maximisation"


def scenes() -> list[Row]:
    """Medians over the decided windows of 20 ms, after 6 px of motion."""
    model = load_motion_model()
    seen = watch_scenes(model, SEED, ROUNDS)
    alone = watch_scenes(model, SEED, ROUNDS, config=MotionConfig(align=0))
    alone = [s._replace(confidence=1.0) for s in alone]  # which counts on alignment; every window is taken
    return [
        *_directions(seen, model), *_ratios(seen, "aligned"), *_ratios(alone, "layer alone"), *_early(seen),
        _surprise(seen), _nothing(model),
    ]  # fmt: skip


def _decided(seen: list[Seen], *kinds: str, early: bool = False) -> list[Seen]:
    least = MotionConfig().min_confidence
    return [s for s in seen if s.kind in kinds and s.confidence >= least and (s.travel_px < SETTLED_PX) == early]


def _off(found, truth) -> float:
    """Degrees between two motions."""
    turn = np.degrees(np.arctan2(found[1], found[0]) - np.arctan2(truth[1], truth[0]))
    return abs((turn + 180) % 360 - 180)


def _directions(seen: list[Seen], model) -> list[Row]:
    rows = []
    for kind in KINDS:
        chosen = _decided(seen, kind)
        if kind not in ("rotation", "expansion"):
            off = float(np.median([_off(s.judged.motion, s.trial.motion) for s in chosen]))
            rows.append(duration(f"{kind}: direction error, {len(chosen)} windows", off, "deg", PEER, _peer(kind)))
    return rows


def _peer(kind: str) -> float:
    """Contrast maximisation on the last full window of the first scenes of a kind (deg)."""
    off = []
    for k in range(KINDS.index(kind), PEER_ROUNDS * len(KINDS), len(KINDS)):
        rng = np.random.default_rng([SEED, 13, k])
        trial = draw_scene(rng, kind, rng.uniform(2.0, 16.0))
        parts = [part for _, part in windows(trial.batch, WINDOW_US)]
        off.append(_off(maximise_contrast(max(parts[-2:], key=len)), trial.motion))
    return float(np.median(off))


def _ratios(seen: list[Seen], how: str) -> list[Row]:
    """Found over true; time to contact is 1 over divergence."""
    turns = np.array([s.judged.motion[2] / s.trial.motion[2] for s in _decided(seen, "rotation", "mixed")])
    grows = np.array([s.judged.motion[3] / s.trial.motion[3] for s in _decided(seen, "expansion", "mixed")])
    contact = np.median(np.abs(1.0 / grows - 1.0)) * 100
    return [
        duration(f"{how}: rotation, found over true, {len(turns)} windows", float(np.median(turns)), "", "truth", 1.0),
        duration(
            f"{how}: divergence, found over true, {len(grows)} windows", float(np.median(grows)), "", "truth", 1.0
        ),
        duration(f"{how}: time to contact, error", float(contact), "%", "none", 0.0),
    ]


def _early(seen: list[Seen]) -> list[Row]:
    """Before the memory is full: how often a decision is taken, and how often it is right."""
    moving = [s for s in seen if s.travel_px < SETTLED_PX]
    chosen = _decided(seen, *KINDS, early=True)
    right = float(np.mean([s.error < 0.5 for s in chosen]))
    claimed = float(np.mean([s.confidence for s in chosen]))
    return [
        duration("first 6 px: windows decided", len(chosen) / len(moving), "", "all", 1.0),
        duration("first 6 px: decided and right within half the flow", right, "", "confidence claimed", claimed),
    ]


def _surprise(seen: list[Seen]) -> Row:
    kinds = [kind for kind in KINDS if kind not in ("depth", "sway")]
    value = float(np.median([s.surprise for s in _decided(seen, *kinds)])) / MEDIAN_CHI2
    return duration("normalised squared error by the covariance, median over that of a true one", value, "", "1", 1.0)


def _nothing(model) -> Row:
    """Noise alone, even and clustered."""
    rng = np.random.default_rng([SEED, 14])
    decided = []
    for _ in range(STILL):
        batch = still(rng).batch
        estimator = MotionEstimator(batch.width, batch.height, model)
        decided += [estimator.estimate(part, end_us).decided for end_us, part in windows(batch, WINDOW_US)]
    share = float(np.mean(np.logical_not(decided)))
    return throughput(f"noise alone: share of {len(decided)} windows without a decision", share, "", "all", 1.0)
