"""Frames per second of the event camera at 240x180, a dense texture that moves, beside two peers in the same run."""

from importlib.util import find_spec

import numpy as np

from benchmarks.row import Row, seconds, throughput
from snn_core.event_camera import EventCamera, EventCameraConfig, log_intensity
from snn_perception.motion.textures import SIDE

SIZE, FRAMES, RATE_HZ, STEP_PX = (240, 180), 100, 1000, 0.5
GAMMA = 2.2  # the first peer takes frames as encoded for a display
NOISY = EventCameraConfig()
IDEAL = EventCameraConfig(mismatch=0.0, leak_hz=0.0, noise_hz=0.0)


def simulation() -> list[Row]:
    """Frames per second, with all noise and without."""
    frames = _film()
    rows = []
    for name, config in (("all noise", NOISY), ("no noise", IDEAL)):
        events = sum(len(part.x) for part in _simulate(frames, config))
        label = f"240x180, {name}, {events / FRAMES:.0f} events a frame"
        ours = FRAMES / seconds(lambda config=config: _simulate(frames, config))
        rows += [throughput(label, ours, "frames/s", peer, value) for peer, value in _peers(frames, config)]
    counting = FRAMES / seconds(lambda: _count(frames))
    return [*rows, throughput("the same, no noise", ours, "frames/s", "numpy, counts without times", counting)]


def _film() -> np.ndarray:
    """Grey frames (frame, row, column) of noise with a natural spectrum that moves to the right."""
    rng = np.random.default_rng(0)
    side = 2 * SIDE
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None]) * side
    spectrum = np.fft.fft2(rng.standard_normal((side, side))) / np.maximum(frequency, 2.0)
    frames = []
    for k in range(FRAMES):
        moved = np.exp(-2j * np.pi * np.fft.fftfreq(side)[None] * STEP_PX * k)
        image = np.fft.ifft2(spectrum * moved).real
        frames.append(128 + 45 * image / image.std())
    return np.clip(np.stack(frames), 1, 255).astype(np.uint8)[:, : SIZE[1], : SIZE[0]].copy()


def _simulate(frames, config):
    camera = EventCamera(*SIZE, config, np.random.default_rng(0))
    return [camera.see(log_intensity(frame, GAMMA), k * 1e6 / RATE_HZ) for k, frame in enumerate(frames)]


def _peers(frames, config):
    """eventcv with the same constants, without and with its finer steps; nothing where it is not installed."""
    if find_spec("eventcv") is None:
        return
    import eventcv

    for upsample in ("off", "adaptive"):
        constants = {
            "pos_thres": config.threshold, "neg_thres": config.threshold, "sigma_thres": config.mismatch,
            "refractory_us": int(config.refractory_us), "leak_rate_hz": config.leak_hz,
            "shot_noise_rate_hz": config.noise_hz, "cutoff_hz": 0.0, "fps": float(RATE_HZ), "upsample": upsample,
        }  # fmt: skip
        found = eventcv.simulate(frames, **constants)
        spent = seconds(lambda constants=constants: eventcv.simulate(frames, **constants), 1)
        yield f"eventcv, upsample {upsample}, {len(found) / FRAMES:.0f} events a frame", FRAMES / spent


def _count(frames):
    """ESIM's count of crossings in numpy: no times, no order, no noise."""
    level = log_intensity(frames[0], GAMMA)
    for frame in frames[1:]:
        steps = np.trunc((log_intensity(frame, GAMMA) - level) / IDEAL.threshold)
        level += steps * IDEAL.threshold
    return level
