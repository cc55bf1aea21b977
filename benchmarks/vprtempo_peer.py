"""VPRTempo as published, driven without its command line: its own preprocessing, training and inference.

The released evaluation stops with an error, so its two linear maps are applied here as it would apply them. Installed
with `make venv EXTRAS=peers`.
"""

import io
import sys
import time
from argparse import Namespace
from contextlib import redirect_stderr
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

DIMS, PATCH_PX, EPOCHS = (28, 28), 7, 4  # of its paper


def installed() -> bool:
    """Is the peer there?"""
    return find_spec("vprtempo") is not None and find_spec("torch") is not None


def _stand_in_for_torchvision() -> None:
    """The peer imports torchvision for two names that are not used here, and its wheel fails beside some torches."""
    transforms, images = ModuleType("torchvision.transforms"), ModuleType("torchvision.io")
    transforms.Compose = images.read_image = None  # type: ignore[attr-defined]
    names = {"torchvision": ModuleType("torchvision"), "torchvision.transforms": transforms, "torchvision.io": images}
    sys.modules.update({name: module for name, module in names.items() if name not in sys.modules})


class VprTempo:
    """One module that learns as many places as there are images."""

    def __init__(self, images: np.ndarray) -> None:
        _stand_in_for_torchvision()
        import torch
        from vprtempo.src.dataset import ProcessImage
        from vprtempo.VPRTempoTrain import VPRTempoTrain

        torch.manual_seed(0)
        torch.set_num_threads(1)
        self.torch, self.prepare = torch, ProcessImage(DIMS, PATCH_PX)
        count = len(images)
        settings = Namespace(
            dataset="images", database_dirs="images", epoch=EPOCHS, max_module=count, filter=1, database_places=count
        )
        start = time.perf_counter()
        self.model: Any = VPRTempoTrain(settings, DIMS, None, 1, count)
        shown = [(self.spikes(image)[None], torch.tensor([k])) for k, image in enumerate(images)]
        order = np.random.default_rng(0)
        trained: list[str] = []
        for name in ("feature_layer", "output_layer"):
            loader = _Shuffled(shown, order)
            with redirect_stderr(io.StringIO()):  # its progress bars
                self.model.train_model(loader, getattr(self.model, name), self.model, 0, prev_layers=trained)
            trained.append(name)
        self.train_s = time.perf_counter() - start
        self.model.eval()

    def spikes(self, image: np.ndarray) -> Any:
        """Its input (input,) for one grey image."""
        return self.prepare(self.torch.from_numpy(image[None].astype(np.float32)))

    def answer(self, image: np.ndarray) -> np.ndarray:
        """Scores (place,) of one image, preprocessing included."""
        with self.torch.no_grad():
            return self.model.output_layer.w(self.model.feature_layer.w(self.spikes(image))).numpy()


class _Shuffled:
    """Its data loader in one process: another order at each epoch."""

    def __init__(self, items: list[Any], generator: np.random.Generator) -> None:
        self.items, self.generator = items, generator

    def __iter__(self) -> Any:
        return iter([self.items[k] for k in self.generator.permutation(len(self.items))])
