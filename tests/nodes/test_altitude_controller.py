"""The spiking controller as a node: its model is checked before it flies, and its networks keep their pace."""

import pytest

from ros_bench import command_of, diagnostics, range_at, send, target_at, toy_model
from snn_control.nodes.altitude_controller import AltitudeControllerNode
from snn_core.errors import SnnError

pytestmark = pytest.mark.ros
T0 = 100.0


def ready(bench, model):
    node = bench.make(AltitudeControllerNode, model=str(model))
    bench.set_clock(T0, node)
    bench.publish("target", target_at(1.0))
    bench.until(lambda: node.loop.target_m == 1.0, "the target")
    return node


def test_the_networks_step_once_per_reading(bench, tmp_path):
    commands = bench.listen("command/snn")
    node = ready(bench, toy_model(tmp_path / "toy.safetensors"))
    for count, (time_s, height_m) in enumerate([(T0 - 0.19, 0.9), (T0 - 0.1, 0.9), (T0, 1.1)], start=1):
        bench.publish("range", range_at(time_s, height_m))
        bench.until(lambda count=count: len(commands) == count, "a command")
    assert [round(command_of(message)) for _, message in commands] == [5, 5, -5]
    bench.publish("range", range_at(T0 + 0.01, 1.1))
    bench.until(lambda: node.loop.counts["early"] == 1, "the early reading")
    assert node.loop.controller.network.steps == 3


def test_a_silent_network_is_reported_and_hands_over(bench, tmp_path):
    commands = bench.listen("command/snn")
    reports = diagnostics(bench)
    node = ready(bench, toy_model(tmp_path / "toy.safetensors"))
    node.loop.controller.network.parts["pd"].threshold_in[:] = 1e6
    for k in range(60):
        now = T0 + 0.1 * k
        bench.set_clock(now, node)
        send(bench, node, range_at(now))
    level, _, values = bench.diagnosis("altitude_controller", reports, lambda s: "output silent for" in s.message)
    assert level == 2
    assert values["output_spikes_last_step"] == "0"
    assert int(values["withheld_commands"]) > 0
    assert 40 < len(commands) <= 51


def test_a_model_that_is_not_there_is_refused_with_its_path(bench, tmp_path):
    path = tmp_path / "none.safetensors"
    with pytest.raises(SnnError, match=f"altitude_controller: {path}: cannot be read"):
        bench.make(AltitudeControllerNode, model=str(path))


def test_a_model_for_another_period_is_refused(bench, tmp_path):
    path = toy_model(tmp_path / "toy.safetensors")
    with pytest.raises(SnnError, match=r"expected a model for dt 0\.05 s, found one for dt 0\.1 s"):
        bench.make(AltitudeControllerNode, model=str(path), dt_s=0.05)


def test_without_autostart_a_bad_model_leaves_it_unconfigured_and_repairable(bench, tmp_path):
    path = tmp_path / "later.safetensors"
    node = bench.make(AltitudeControllerNode, model=str(path), autostart=False)
    assert node.trigger_configure().to_label() == "transition_failure"
    assert "cannot be read" in node.refusal
    toy_model(path)
    assert node.trigger_configure().to_label() == "transition_success"
    assert node.trigger_activate().to_label() == "transition_success"
