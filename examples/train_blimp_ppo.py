"""Train PPO to hold a blimp's height, and print it beside the PID and the spiking networks in the same worlds.

    pip install -r requirements/sim.txt -r requirements/rl.txt
    python examples/train_blimp_ppo.py --steps 300000 --curve docs/ppo.png

PPO learns in random blimps of `snn/BlimpAltitude-v0`; all are judged in others. The curve shows the mean return of the
episodes that ended while it learned, with the mean returns of the others on the judges' worlds as lines.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import gymnasium
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import sim_worlds.gym_worlds  # noqa: F401 - registers the environments
from sim_worlds.blimp_tasks import DT_S, LIMIT, AltitudeTask
from snn_cli.controllers import controller_named
from snn_cli.output import table
from snn_core.resources import models_dir

Array = NDArray[np.float64]
Policy = Callable[[AltitudeTask, NDArray[np.float32]], Array]
NAME, WORLDS, JUDGES_SEED = "snn/BlimpAltitude-v0", 64, 10_000
OTHERS = {"PID": "pid", "tuned PID": str(models_dir() / "pid_tuned.yaml"), "spiking networks": "default"}


def controlled(model: str) -> Policy:
    """A controller of the command line, such as pid or default, as a policy."""
    controller = controller_named(model, DT_S, WORLDS)[1]
    return lambda task, _: controller(task.target_m, task.measured_m)[:, None] / LIMIT


def judge(policy: Policy) -> tuple[float, float, float]:
    """Mean return, RMSE (m) and change of the command per step over one episode in each of the judges' worlds."""
    envs = gymnasium.make_vec(NAME, num_envs=WORLDS)
    task: AltitudeTask = envs.unwrapped.task
    seen, _ = envs.reset(seed=JUDGES_SEED)
    alive, total, square, before = np.ones(WORLDS, bool), np.zeros(WORLDS), np.zeros(WORLDS), np.zeros(WORLDS)
    changes = 0.0
    for _ in range(task.steps):
        square += alive * (task.target_m - task.height_m) ** 2
        action = np.clip(policy(task, seen), -1.0, 1.0)
        changes += float(np.abs(LIMIT * (action[:, 0] - before)).mean())
        before = action[:, 0]
        seen, reward, terminated, truncated, _ = envs.step(action)
        total += alive * reward
        alive &= ~(terminated | truncated)
    return float(total.mean()), float(np.sqrt(square / task.steps).mean()), changes / task.steps


def learn(steps: int, seed: int) -> tuple[Policy, list[tuple[int, float]]]:
    """A trained policy, and the mean return over what it had done."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize

    class Curve(BaseCallback):
        """Mean return of the last episodes after every round."""

        def __init__(self) -> None:
            super().__init__()
            self.points: list[tuple[int, float]] = []

        def _on_step(self) -> bool:
            return True

        def _on_rollout_end(self) -> None:
            returns = [episode["r"] for episode in self.model.ep_info_buffer or []]
            if returns:
                self.points.append((self.num_timesteps, float(np.mean(returns))))

    torch.set_num_threads(1)  # so small a network is not worth more
    envs = VecNormalize(make_vec_env(NAME, n_envs=8, seed=seed), norm_reward=False)
    model = PPO("MlpPolicy", envs, n_steps=256, batch_size=256, gamma=0.98, seed=seed, device="cpu")
    curve = Curve()
    model.learn(steps, callback=curve)
    envs.training = False
    return lambda _, seen: model.predict(envs.normalize_obs(seen), deterministic=True)[0].astype(float), curve.points


def draw(path: Path, points: list[tuple[int, float]], returns: dict[str, float]) -> None:
    """The learning curve as a picture."""
    figure = Figure(figsize=(7.0, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(*np.array(points).T, color="tab:orange", label="PPO while it learns (its noise included)")
    for (name, value), colour in zip(returns.items(), ("tab:red", "grey", "black", "tab:blue"), strict=True):
        axes.axhline(value, color=colour, linestyle="--", linewidth=1.0, label=f"{name}, on the judges' worlds")
    axes.set(xlabel="steps of 0.1 s", ylabel="return of an episode", title=NAME)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Train, judge, print."""
    parser = argparse.ArgumentParser(description="PPO on snn/BlimpAltitude-v0 beside PID and spiking networks")
    parser.add_argument("--steps", type=int, default=300_000, help="steps to learn for (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of PPO and of its worlds")
    parser.add_argument("--curve", type=Path, metavar="PNG", help="write the learning curve")
    args = parser.parse_args()
    policy, points = learn(args.steps, args.seed)
    scores = {f"PPO, {args.steps} steps": judge(policy), **{name: judge(controlled(m)) for name, m in OTHERS.items()}}
    columns = (f"{WORLDS} random blimps, 60 s each", "return", "rmse_m", "variation_per_step")
    print(table(columns, [[name, *score] for name, score in scores.items()]))
    if args.curve:
        draw(args.curve, points, {name: score[0] for name, score in scores.items()})
        print(f"written: {args.curve}")


if __name__ == "__main__":
    main()
