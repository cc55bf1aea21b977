"""The airship: controllers of each axis against equally tuned PIDs, and how fast worlds fly, alone and in numbers."""

from collections.abc import Iterator

import numpy as np

from benchmarks.row import Row, duration, seconds, throughput
from sim_worlds.airship import AXES, SUBSTEP_S, airship_at, airship_params
from sim_worlds.airship_flight import airship_step
from sim_worlds.axes import TASKS, draw_axis_domain, trial_domain
from sim_worlds.axis_rollout import axis_rollout
from sim_worlds.bullet import BulletWorld
from sim_worlds.solid_airship import SolidAirship
from snn_cli.axis_flights import axis_domain_of, axis_tally
from snn_cli.fine_tune_spec import TEST
from snn_cli.tune import COLUMNS, columns_of
from snn_control.axis_control import CONTROLS
from snn_control.contenders import PidContender
from snn_control.pid import PidConfig
from snn_control.pilots import spiking_pair
from snn_control.spiking_pid import SpikingPid
from snn_core.errors import SnnError
from snn_core.model_files import load_model
from snn_core.resources import models_dir

DT_S = 0.1
WORLDS, SEED = 256, 1  # of the test stream; `snn evolve tune` reports on seed 0
FLEETS = (1, 10, 30, 100, 300, 1000)
REAL_TIME = 200.0  # physics and control of one blimp should be so much faster than the clock


def axes() -> list[Row]:
    """Mean scores on each axis of the airship over random worlds; the peer is the PID tuned with the same budget."""
    return [row for axis in AXES for row in _axis_rows(axis)]


def _axis_rows(axis: str) -> Iterator[Row]:
    domain = axis_domain_of(axis, TEST, SEED, WORLDS, DT_S)
    pid = PidContender(DT_S, axis=axis)
    tuned = models_dir() / ("pid_tuned.yaml" if axis == "altitude" else f"pid_{axis}.yaml")
    pilots = {
        "networks": spiking_pair(load_model(models_dir() / f"{axis}.safetensors", DT_S)[1]),
        "tuned PID": pid.pilot(pid.genes(PidConfig.load(tuned))[None]),
        "teacher": pid.pilot(pid.genes(CONTROLS[axis].teacher)[None]),
    }
    scores = {who: columns_of(axis_tally(pilot, 1, domain, DT_S), len(domain.weather)) for who, pilot in pilots.items()}
    units = {"t90_s": "s", "variation_per_step": "command"}
    for peer in ("tuned PID", "teacher"):
        for name in COLUMNS[:-1]:
            title = f"{axis}, {WORLDS} random blimps: {name.removesuffix('_m').removesuffix('_s')}"
            unit = units.get(name, TASKS[axis].unit)
            yield duration(title, scores["networks"][name], unit, peer, scores[peer][name])


def airship() -> list[Row]:
    """Simulated seconds per second: physics with three spiking controllers, fleets, the compiled loop, Gymnasium."""
    return [*_alone(), *_fleets(), *_compiled(), *_gymnasium()]


def _alone() -> list[Row]:
    """One blimp for 40 s, a pair of networks on each axis, no camera."""
    controllers = [SpikingPid.load(models_dir() / f"{axis}.safetensors", DT_S, axis=axis) for axis in AXES]
    domain = trial_domain("heading", airship_params(), np.random.default_rng(0), DT_S)
    domain = domain._replace(setpoint=domain.setpoint[:400], weather=domain.weather[:400])
    value = 40.0 / seconds(lambda: axis_rollout(controllers, domain, DT_S))
    return [
        throughput("one airship, three spiking controllers", value, "s/s", "real time", 1.0),
        throughput("one airship, three spiking controllers", value, "s/s", "goal", REAL_TIME),
    ]


def _fleets() -> list[Row]:
    """Time of one simulated second of many blimps; the peer is linear growth from one."""
    times = [seconds(lambda n=n: _fly(n), 3) for n in FLEETS]
    rows = [
        duration(f"{n} airships, one second of physics", 1e3 * time, "ms", "linear", 1e3 * n * times[0])
        for n, time in zip(FLEETS, times, strict=True)
    ]
    hundred = FLEETS.index(100)
    return [*rows, throughput("100 airships together", 100.0 / times[hundred], "blimp-s/s", "real time", 100.0)]


def _fly(count: int) -> None:
    state, params = airship_at(np.zeros(3), count=count), airship_params(count)
    command, gust = np.full((count, 3), 3.0), np.ones((count, 3))
    for _ in range(10):
        airship_step(state, params, command, gust, DT_S)


def _compiled() -> list[Row]:
    """A population of networks on the heading, fused; the peer is the plain loop."""
    pair = spiking_pair(load_model(models_dir() / "heading.safetensors", DT_S)[1])
    domain = draw_axis_domain("heading", 64, np.random.default_rng(0), DT_S)
    simulated = 64 * len(domain.weather) * DT_S
    controllers = [SpikingPid.load(models_dir() / f"{axis}.safetensors", DT_S, 64, axis) for axis in AXES]
    value = simulated / seconds(lambda: axis_tally(pair, 1, domain, DT_S))
    plain = simulated / seconds(lambda: axis_rollout(controllers, domain, DT_S), 1)
    return [throughput("64 closed-loop flights, fused", value, "blimp-s/s", "plain loop", plain)]


def _gymnasium() -> list[Row]:
    """Steps per second of vectorised environments; the peer is the same environment alone. None without Gymnasium."""
    try:
        from sim_worlds.gym_worlds import IDS, gymnasium
    except ImportError:
        return []
    rows = []
    for name in IDS:
        per_s = {}
        for count in (1, 100):
            envs = gymnasium.make_vec(name, num_envs=count)
            envs.reset(seed=0)
            actions = np.zeros(envs.action_space.shape, np.float32)
            per_s[count] = 50 * count / seconds(lambda e=envs, a=actions: [e.step(a) for _ in range(50)])
        rows.append(throughput(f"{name}, 100 at once", per_s[100], "steps/s", "one alone", per_s[1]))
    return rows


def solid() -> list[Row]:
    """PyBullet's body with contacts, no camera; the peer is real time. None without PyBullet."""
    try:
        made = BulletWorld(gravity_mps2=0.0, step_s=SUBSTEP_S)
    except SnnError:
        return []
    with made as world:
        world.add_plane()
        body = SolidAirship(world, airship_params(), np.array([0.0, 0.0, 2.0]))
        taken = seconds(lambda: body.advance(np.full(3, 3.0), np.zeros(3), 5.0), 2)
    return [throughput("one airship with contacts", 5.0 / taken, "s/s", "real time", 1.0)]
