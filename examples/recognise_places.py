"""Teach a spiking map a route that is drawn here, then drive it again at dusk and past where the map ends.

python examples/recognise_places.py
"""

import numpy as np

from snn_perception.places.place_map import PlaceMap
from snn_perception.places.recogniser import PlaceRecogniser, RecogniserConfig

PLACES, KNOWN = 40, 30
HEIGHT, WIDTH = 48, 96


def draw_route(generator: np.random.Generator) -> np.ndarray:
    """Images (place, row, column) of a sky, a ground, and houses that stand at each place anew."""
    images = np.empty((PLACES, HEIGHT, WIDTH))
    for image in images:
        image[:] = np.where(np.arange(HEIGHT)[:, None] < HEIGHT // 2, 190.0, 90.0)
        for _ in range(8):
            top, left = generator.integers(0, HEIGHT - 6), generator.integers(0, WIDTH - 6)
            image[top : top + generator.integers(6, 24), left : left + generator.integers(6, 32)] = generator.uniform(
                20, 235
            )
    return images


def main() -> None:
    """Print what the map answers, and how many time steps it took."""
    generator = np.random.default_rng(0)
    day = draw_route(generator)
    dusk = np.clip(day * 0.4 + generator.normal(0.0, 8.0, day.shape), 0, 255).astype(np.uint8)

    places = PlaceMap()
    places.add(day[:KNOWN].astype(np.uint8))
    recogniser = PlaceRecogniser(places, RecogniserConfig(early_exit=True))
    print(f"{places.places} places in {places.bytes / 1e3:.0f} kB; places {KNOWN} to {PLACES - 1} are not in the map")
    for k, image in enumerate(dusk):
        found = recogniser.recognise(image)
        answer = f"place {found.place}" if found.confident else "no match"
        print(f"shown {k:2d}: {answer:9s} p {found.probability:.2f}, {found.steps:2.0f} steps, {found.spikes} spikes")


if __name__ == "__main__":
    main()
