"""Speed, as ratios against a named peer in the same run.

Each module holds functions without arguments that return rows; `BENCHMARKS` names them. They are part of the source
tree, not of an installation, because their peers (torch and others) are nothing that a robot should carry.
"""

from collections.abc import Callable

from benchmarks import (
    airship,
    classify,
    control,
    coordination,
    event_camera,
    event_node,
    fitness,
    gate,
    growth,
    motion,
    motion_pruning,
    motion_scenes,
    motion_transforms,
    places,
    places_ablation,
    places_growth,
    places_node,
    prediction,
    station,
    tuning,
    worlds,
    worlds_node,
)
from benchmarks.row import Row

BENCHMARKS: dict[str, Callable[[], list[Row]]] = {
    "fitness": fitness.fitness,
    "paper": fitness.paper,
    "growth": growth.growth,
    "closed_loop": control.closed_loop,
    "tuning": tuning.tuning,
    "rollout": control.rollout,
    "control_step": control.control_step,
    "places_accuracy": places.accuracy,
    "places_training": places.training,
    "places_query": places.query,
    "places_ablation": places_ablation.ablation,
    "places_exit": places_ablation.early_exit,
    "places_growth": places_growth.growth,
    "places_node": places_node.node,
    "event_node": event_node.node,
    "motion": motion.motion,
    "gate": gate.gate,
    "prediction": prediction.prediction,
    "coordinator": coordination.coordinator,
    "sensing": coordination.sensing,
    "trust": coordination.trust,
    "fleet": coordination.fleet,
    "station": station.station,
    "worlds": worlds.worlds,
    "worlds_node": worlds_node.graph,
    "axes": airship.axes,
    "airship": airship.airship,
    "airship_solid": airship.solid,
    "motion_pruning": motion_pruning.pruning,
    "motion_scenes": motion_scenes.scenes,
    "motion_transforms": motion_transforms.transforms,
    "classify": classify.classification,
    "event_camera": event_camera.simulation,
}
