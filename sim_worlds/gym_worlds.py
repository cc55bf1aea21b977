"""The tasks as Gymnasium environments, one by one and vectorised; the only file that imports gymnasium.

`import sim_worlds.gym_worlds` registers `snn/BlimpAltitude-v0` and `snn/BlimpRoute-v0`. A vectorised environment whose
seed is s flies in row i what a single one with seed s + i flies, bit for bit.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from sim_worlds.blimp_tasks import DT_S, AltitudeTask, Task
from sim_worlds.route_task import RouteTask
from sim_worlds.task_pictures import altitude_picture, route_picture
from snn_core.errors import ConfigError

Observation = NDArray[np.float32]
Picture = NDArray[np.uint8]
Drawn = Callable[[Any, int], Picture]
RENDER = {"render_modes": ["rgb_array"], "render_fps": round(1.0 / DT_S)}


def _spaces(task: Task) -> tuple[Box, Box]:
    """Of one observation and of one action."""
    return Box(-task.high, task.high, dtype=np.float32), Box(-1.0, 1.0, (task.actions,), np.float32)


def _checked(render_mode: str | None) -> str | None:
    if render_mode not in (None, "rgb_array"):
        raise ConfigError(f"render_mode: expected 'rgb_array' or None, got '{render_mode}'")
    return render_mode


class BlimpEnv(gymnasium.Env[Observation, NDArray[np.float32]]):
    """One row of a task."""

    metadata = RENDER

    def __init__(self, task: Task, draw: Drawn, render_mode: str | None) -> None:
        self.task, self.draw, self.render_mode = task, draw, _checked(render_mode)
        self.observation_space, self.action_space = _spaces(task)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        super().reset(seed=seed)
        self.task.begin(0, self.np_random)
        return self.task.observe()[0], {}

    def step(self, action: NDArray[np.float32]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        seen, reward, terminated, truncated = self.task.step(np.asarray(action, float).reshape(1, -1))
        return seen[0], float(reward[0]), bool(terminated[0]), bool(truncated[0]), {}

    def render(self) -> Picture | None:
        return self.draw(self.task, 0) if self.render_mode else None


class BlimpVectorEnv(VectorEnv[Observation, NDArray[np.float32], NDArray[np.float64]]):
    """Many rows of a task in one batch; a row that has ended begins anew in its next step."""

    metadata: ClassVar[dict[str, Any]] = {**RENDER, "autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(self, num_envs: int, task: Task, draw: Drawn, render_mode: str | None) -> None:
        self.num_envs, self.task, self.draw, self.render_mode = num_envs, task, draw, _checked(render_mode)
        self.single_observation_space, self.single_action_space = _spaces(task)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.generators: list[np.random.Generator] = []
        self.ended = np.zeros(num_envs, bool)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        seeds = [int(seed) + i for i in range(self.num_envs)] if isinstance(seed, (int, np.integer)) else seed
        if seeds is not None or not self.generators:
            wanted = seeds or [None] * self.num_envs
            self.generators = [gymnasium.utils.seeding.np_random(own)[0] for own in wanted]
        for row, generator in enumerate(self.generators):
            self.task.begin(row, generator)
        self.ended[:] = False
        return self.task.observe(), {}

    def step(
        self, actions: NDArray[np.float32]
    ) -> tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        anew = self.ended
        seen, reward, terminated, truncated = self.task.step(np.asarray(actions, float))
        for row in np.flatnonzero(anew):
            self.task.begin(int(row), self.generators[row])
        if anew.any():
            seen = self.task.observe()
        reward, terminated, truncated = np.where(anew, 0.0, reward), terminated & ~anew, truncated & ~anew
        self.ended = terminated | truncated
        return seen, reward, terminated, truncated, {}

    def render(self) -> tuple[Picture, ...] | None:
        return tuple(self.draw(self.task, row) for row in range(self.num_envs)) if self.render_mode else None


class BlimpAltitudeEnv(BlimpEnv):
    """See `sim_worlds.blimp_tasks.AltitudeTask`."""

    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__(AltitudeTask(), altitude_picture, render_mode)


class BlimpAltitudeVectorEnv(BlimpVectorEnv):
    """See `sim_worlds.blimp_tasks.AltitudeTask`."""

    def __init__(self, num_envs: int = 1, render_mode: str | None = None) -> None:
        super().__init__(num_envs, AltitudeTask(num_envs), altitude_picture, render_mode)


class BlimpRouteEnv(BlimpEnv):
    """See `sim_worlds.route_task.RouteTask`."""

    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__(RouteTask(), route_picture, render_mode)


class BlimpRouteVectorEnv(BlimpVectorEnv):
    """See `sim_worlds.route_task.RouteTask`."""

    def __init__(self, num_envs: int = 1, render_mode: str | None = None) -> None:
        super().__init__(num_envs, RouteTask(num_envs), route_picture, render_mode)


IDS = {"snn/BlimpAltitude-v0": "BlimpAltitude", "snn/BlimpRoute-v0": "BlimpRoute"}
for _id, _name in IDS.items():
    if _id not in gymnasium.registry:
        gymnasium.register(_id, entry_point=f"{__name__}:{_name}Env", vector_entry_point=f"{__name__}:{_name}VectorEnv")
