"""Processor time of one frame of perception: whole, and under an order for less."""

import time
from functools import cache

import numpy as np

from benchmarks.places import scenes
from snn_perception.events.batch import make_batch
from snn_perception.motion.motion_estimator import MotionConfig, MotionEstimator
from snn_perception.motion.motion_model import load_motion_model
from snn_perception.places.place_map import PlaceMap
from snn_perception.places.recogniser import PlaceRecogniser, RecogniserConfig

PLACES, FRAMES = 600, 60
FRUGAL_STEPS = 8
WINDOW_US, EVENTS = 20_000, 8000  # 0.4 million events per second


@cache
def place_cost_s() -> tuple[float, float]:
    """Of an image among 600 places, with all time steps and with eight."""
    images = scenes(PLACES)
    places = PlaceMap()
    places.add(images)
    return _place(places, images, 0), _place(places, images, FRUGAL_STEPS)


def _place(places: PlaceMap, images: np.ndarray, steps: int) -> float:
    recogniser = PlaceRecogniser(places, RecogniserConfig(early_exit=True, max_time_steps=steps))
    recogniser.recognise(images[0])
    began = time.process_time()
    for image in images[:FRAMES]:
        recogniser.recognise(image)
    return (time.process_time() - began) / FRAMES


@cache
def motion_cost_s() -> tuple[float, float]:
    """Of a window of 20 ms, whole and in the central quarter of the image."""
    width, height = 346, 260
    generator = np.random.default_rng(0)
    dots = generator.uniform(0.0, 1.0, (400, 2)) * (width, height)
    whole = []
    for k in range(FRAMES):
        t_us = np.sort(generator.integers(k * WINDOW_US, (k + 1) * WINDOW_US, EVENTS))
        dot = dots[generator.integers(0, len(dots), EVENTS)]
        x = ((dot[:, 0] + t_us * 1e-4) % width).astype(np.uint16)
        whole.append(make_batch(x, dot[:, 1].astype(np.uint16), t_us, generator.random(EVENTS) < 0.5, (width, height)))
    centre = []
    for batch in whole:
        inside = (batch.x >= width // 4) & (batch.x < 3 * width // 4)
        inside &= (batch.y >= height // 4) & (batch.y < 3 * height // 4)
        centre.append(batch.take(inside))
    return _motion(whole, width, height), _motion(centre, width, height)


def _motion(parts: list, width: int, height: int) -> float:
    estimator = MotionEstimator(width, height, load_motion_model(), MotionConfig())
    estimator.estimate(parts[0], WINDOW_US)
    began = time.process_time()
    for k, part in enumerate(parts[1:], start=1):
        estimator.estimate(part, (k + 1) * WINDOW_US)
    return (time.process_time() - began) / (len(parts) - 1)
