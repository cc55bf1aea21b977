"""The composed graph flies: metres of a real flight through every node, and crippled controllers that must fail."""

import numpy as np
import pytest
import rclpy
from rclpy.context import Context
from rclpy.signals import SignalHandlerOptions

from ros_bench import toy_model
from sim_worlds.blimp import blimp_params
from sim_worlds.rollout import rollout
from sim_worlds.trials import find_trial
from sim_worlds.weather import draw_weather
from snn_cli.nodes.simulation import RECORDED, SimulationGraph
from snn_control.pid import Pid, PidConfig
from snn_core.errors import SnnError

pytestmark = pytest.mark.ros


def holds(flight):
    """Within 6 cm of the second target of the trial 'step' over the last 10 s."""
    return bool(np.abs(flight.setpoint_m - flight.height_m)[-100:].max() < 0.06)


def test_the_pid_twin_flies_a_heavy_blimp_exactly_as_the_rollout_does():
    records = []
    with SimulationGraph(
        controller="pid", trial="step", buoyancy=-0.12, record=lambda *row: records.append(row)
    ) as graph:
        flight = graph.fly()
        assert graph.graph.world.unanswered == 0
    setpoint = find_trial("step").setpoint_series(0.1)
    params = blimp_params("tudelft_2023", buoyancy_mps2=-0.12)
    expected = rollout(
        Pid(PidConfig(), 0.1), params, setpoint, 0.1, draw_weather(len(setpoint), 1, np.random.default_rng(1))
    )
    assert np.array_equal(flight.height_m, expected.height_m[:, 0])
    assert np.allclose(flight.command, expected.command[:, 0], atol=1e-9)
    assert holds(flight)
    assert set(flight.owner) == {"pid"}
    assert flight.time_s[:2] == pytest.approx([0.0, 0.1])
    by_topic = {topic: sum(row[0].lstrip("/") == topic.lstrip("/") for row in records) for topic in RECORDED}
    assert by_topic["range"] == by_topic["command/pid"] == 1400
    assert {row[1] for row in records if row[0] == "/range"} == {"sensor_msgs/msg/Range"}
    assert all(isinstance(row[3], bytes) for row in records)


def test_without_its_gains_it_does_not_hold():
    with SimulationGraph(controller="pid", trial="step", buoyancy=-0.12) as graph:
        graph.graph.pid.pid.config = PidConfig(kp=0.0, ki=0.0, kd=0.0)
        assert not holds(graph.fly())


def test_the_spiking_controller_commands_and_the_twin_takes_over_when_it_falls_silent(tmp_path):
    model = toy_model(tmp_path / "toy.safetensors")
    with SimulationGraph(trial="hover", model=str(model)) as graph:
        graph.spin_until(5.0)
        graph.graph.snn.trigger_deactivate()
        flight = graph.spin_until(10.0)
    assert set(flight.owner[:50]) == {"snn"}
    assert set(flight.owner[53:]) == {"pid"}


def test_a_demonstration_is_invisible_to_other_processes(bench):
    neighbour = Context()
    rclpy.init(context=neighbour, domain_id=bench.domain, signal_handler_options=SignalHandlerOptions.NO)
    with SimulationGraph(controller="pid", domain_id=bench.domain) as graph:
        visible = rclpy.create_node("neighbour", context=neighbour)
        bench.until(lambda: "neighbour" in bench.node.get_node_names(), "a neighbour that is not hidden")
        assert "command_gate" in graph.graph.pid.get_node_names()
        assert sorted(bench.node.get_node_names()) == ["neighbour", "tester"]
        visible.destroy_node()
    rclpy.shutdown(context=neighbour)


def test_a_missing_model_is_one_clear_error(tmp_path):
    with pytest.raises(SnnError, match=r"altitude_controller: .*none\.safetensors: cannot be read"):
        SimulationGraph(model=str(tmp_path / "none.safetensors"))


def test_an_unknown_world_is_refused():
    with pytest.raises(SnnError, match=r"simulation: world: .*'mars'"):
        SimulationGraph(world="mars")
