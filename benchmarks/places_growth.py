"""Maps that grow: recall of the old places before and after, and how many bytes of the old modules changed."""

import numpy as np

from benchmarks.places import DATA
from benchmarks.row import Row, machine, throughput
from snn_perception.places.image_sources import read_arrays
from snn_perception.places.place_map import PlaceMap
from snn_perception.places.recogniser import PlaceRecogniser

OLD = 500


def growth() -> list[Row]:
    """Recall at 1 of the first 500 places, alone, after 700 more, and after another traverse of them; peer: before."""
    if not DATA.is_dir():
        return []
    line, fifty = (read_arrays(DATA / name) for name in ("nordland_1200_64x32.npz", "nordland50_vprsnn_28x28.npz"))
    places = PlaceMap()
    places.add(line["summer"][:OLD])
    before, old = _recall(places, line["winter"][:OLD]), _synapses(places)[:, :OLD].copy()
    places.add(line["summer"][OLD:])
    after = _recall(places, line["winter"][:OLD])
    changed = float(np.sum(_synapses(places)[:, :OLD] != old))
    afresh = PlaceMap()
    afresh.add(line["summer"])
    rows = [
        throughput("500 old places after 700 new ones: R@1", after, "", "before", before),
        throughput("the same", after, "", "all 1200 trained at once", _recall(afresh, line["winter"][:OLD])),
        Row("synapses of old modules that changed", changed, "", "allowed", 0.0, 1.0, machine()),
    ]
    small = PlaceMap()
    small.add(fifty["train_a"])
    alone = _recall(small, fifty["query"])
    small.add_traverse(fifty["train_b"])
    both = _recall(small, fifty["query"])
    return [*rows, throughput("50 places after a second traverse: R@1", both, "", "before", alone)]


def _synapses(places: PlaceMap) -> np.ndarray:
    return places.ensemble.members[0].modules.synapses


def _recall(places: PlaceMap, queries: np.ndarray) -> float:
    recogniser = PlaceRecogniser(places)
    return float(np.mean([recogniser.recognise(image).place == k for k, image in enumerate(queries)]))
