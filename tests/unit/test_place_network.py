"""Place neurons: the fused kernel against the plain equations, learning, regularisation, growth without forgetting."""

import numpy as np
import pytest

from snn_perception.places import place_dynamics
from snn_perception.places.ensemble import EnsembleConfig, PlaceEnsemble
from snn_perception.places.fast_network import FastConfig, FastNetwork
from snn_perception.places.latency_code import LatencyConfig
from snn_perception.places.region_modules import RegionConfig, RegionModules
from unit.scenes import again, route

PLACES = 60
SCENES = route(PLACES)
QUERIES = again(SCENES, gain=0.4, noise=25.0)


def latencies(count, features, seed=0, steps=16):
    generator = np.random.default_rng(seed)
    fires = generator.random((count, features)) < 0.4
    return (
        generator.integers(1, steps + 1, (count, features)) * generator.choice([-1, 1], (count, features)) * fires
    ).astype(np.int8)


def modules_of(config=None, count=30, width=8, rows=12):
    modules = RegionModules(rows * width, width, 16, config or RegionConfig(region_places=5))
    index = np.arange(count)
    modules.learn(latencies(count, rows * width), index, index // 5)
    return modules


def recall(network, queries=QUERIES):
    state, right = network.start(), 0
    for k, image in enumerate(queries):
        state, drives = network.see(state, image)
        right += int(network.respond(drives).scores.argmax()) == k
    return right / len(queries)


def learnt(config=None):
    network = FastNetwork(config)
    network.learn(SCENES)
    return network


@pytest.mark.parametrize("reach", [0, 1, 2])
def test_the_kernel_equals_the_plain_step_spike_for_spike(reach):
    modules = modules_of(RegionConfig(region_places=5, reach=reach, drive=4.0))
    modules.regularise(0, np.random.default_rng(0))
    for k, spikes in enumerate(latencies(4, modules.features, seed=5)):
        said = modules.respond(spikes)
        plain = place_dynamics.present(spikes, modules.config.steps, modules.params())
        memory = modules._memory
        assert np.array_equal(memory.fired, plain.fired), k
        assert np.array_equal(memory.first, plain.first)
        assert np.array_equal(memory.current, plain.current)
        assert np.allclose(memory.v, plain.v)
        assert said.spikes == plain.fired.sum() > 0


def test_scores_are_read_from_spikes_alone():
    """The score of a place: spikes of its most active neuron, plus how early that began as a fraction below 1."""
    modules = modules_of(RegionConfig(region_places=5, drive=6.0))
    said = modules.respond(modules.replay(3))
    memory = modules._memory
    early = (33 - memory.first[:, :30]) / 33.0
    expected = np.where(memory.fired[:, :30] > 0, memory.fired[:, :30] + early, 0.0).max(axis=0)
    assert np.allclose(said.scores, expected)
    assert said.scores.argmax() == 3
    assert said.scores[3] > 10.0


def test_synaptic_operations_by_hand():
    """A spike in the middle is seen in all five gazes, one at the edge in three, each by 30 templates."""
    modules = modules_of(RegionConfig(region_places=5, reach=2))
    spikes = np.zeros(modules.features, np.int8)
    assert modules.respond(spikes).synops == 0
    spikes[3], spikes[8] = 4, -16  # column 3 of row 0, column 0 of row 1
    assert modules.respond(spikes).synops == (5 + 3) * 30
    assert modules.macs == 96 * 30 * 5


def test_weights_are_traces_of_one_norm():
    modules = modules_of(count=1)
    spikes = latencies(1, modules.features)[0].astype(int)
    trace = np.where(spikes != 0, np.sign(spikes) * (17 - np.abs(spikes)), 0)
    expected = trace / np.linalg.norm(trace) * 30.0 * modules.features**0.5
    assert np.abs(modules.synapses[:, 0] - expected).max() <= 0.5


def test_replay_gives_back_the_spikes_that_were_learnt():
    modules = modules_of()
    for template, spikes in enumerate(latencies(30, modules.features)):
        assert np.array_equal(modules.replay(template), spikes)


def test_the_network_recognises_in_other_light():
    assert recall(learnt()) > 0.9


def test_accuracy_falls_when_spikes_are_lost():
    """The answer rests on input spikes: without most of them it goes."""
    found = [recall(learnt(FastConfig(lost_spikes=share))) for share in (0.0, 0.3, 0.6, 1.0)]
    assert found[0] > 0.9
    assert found[0] > found[1] > found[2] > found[3]
    assert found[3] <= 1 / PLACES


def test_accuracy_falls_when_time_is_cut():
    """The answer takes time: it is not there in the first steps."""
    found = [recall(learnt(FastConfig(region=RegionConfig(steps=steps)))) for steps in (32, 16, 10, 4)]
    assert found[0] > 0.9
    assert found[0] > found[1] > found[2] > found[3]
    assert found[3] <= 2 / PLACES


def test_accuracy_falls_when_the_input_code_is_cut():
    cut = FastConfig(latency=LatencyConfig(input_steps=3), region=RegionConfig(steps=32))
    assert recall(learnt(cut)) < 0.8 * recall(learnt())


def test_a_shuffled_map_is_no_map():
    network = learnt()
    network.modules.synapses = np.roll(network.modules.synapses, 7, axis=1)
    assert recall(network) < 0.1


def test_hyperactive_neurons_are_inhibited_more():
    """A neuron that answers to everything gets more inhibition, and then less often fires falsely."""
    modules = modules_of(RegionConfig(region_places=5, reach=0, drive=4.0, regularisation=1.0), count=30)
    everything = modules.synapses[:, :30].astype(np.int32).sum(axis=1)
    modules.synapses[:, 7] = np.clip(everything, -127, 127)
    modules.regularise(0, np.random.default_rng(0))
    assert modules.inhibition[:30].argmax() == 7
    assert modules.false_spikes[7] > 2 * np.median(modules.false_spikes[:30])
    before = modules.false_spikes[7]
    modules.false_spikes[7] = 0.0
    inhibition = modules.inhibition[7]
    false = sum(int(modules._present(modules.replay(k), 0)[2].fired[0, 7]) for k in range(30) if k // 5 != 1)
    assert false / 25 < before
    assert inhibition > 0.1


def test_without_regularisation_inhibition_is_the_same_everywhere():
    modules = modules_of(RegionConfig(region_places=5, regularisation=0.0))
    modules.regularise(0, np.random.default_rng(0))
    assert np.ptp(modules.inhibition[:30]) == 0.0


def test_new_places_leave_old_modules_untouched():
    network = FastNetwork()
    network.learn(SCENES[:40])
    before = recall(network, QUERIES[:40])
    old = {name: getattr(network.modules, name)[:40].copy() for name in ("inhibition", "place_of", "region_of")}
    synapses = network.modules.synapses[:, :40].copy()
    network.learn(SCENES[40:])
    assert network.places == PLACES
    assert np.array_equal(network.modules.synapses[:, :40], synapses)
    assert all(np.array_equal(getattr(network.modules, name)[:40], value) for name, value in old.items())
    assert recall(network, QUERIES[:40]) >= before - 0.05
    assert recall(network) > 0.85


def test_another_traverse_adds_its_conditions():
    network = learnt()
    night = again(SCENES, seed=4, gain=0.15, offset=10.0, noise=4.0)
    before = recall(network, again(night, seed=5, gain=1.0, offset=0.0, noise=4.0))
    network.learn(night, np.arange(PLACES))
    assert network.places == PLACES
    assert network.modules.count == 2 * PLACES
    assert recall(network, again(night, seed=5, gain=1.0, offset=0.0, noise=4.0)) >= before


def test_the_same_seed_gives_the_same_bytes():
    a, b, c = (learnt(FastConfig(seed=seed)).modules for seed in (1, 1, 2))
    assert a.synapses.tobytes() == b.synapses.tobytes()
    assert a.inhibition.tobytes() == b.inhibition.tobytes()
    assert a.region_of.tobytes() != c.region_of.tobytes()


def test_early_exit_saves_time_and_keeps_the_answer():
    network = learnt()
    state, steps, same = network.start(), [], 0
    margins = np.full(33, 1.5, np.float32)
    for image in QUERIES:
        state, drives = network.see(state, image)
        full, early = network.respond(drives), network.respond(drives, margins)
        steps.append(early.steps)
        same += int(full.scores.argmax() == early.scores.argmax())
        assert full.steps == 32
        assert early.steps % 4 == 0
    assert np.mean(steps) < 24
    assert same >= 0.9 * PLACES


@pytest.mark.parametrize("places", [1, 2, 3])
def test_a_small_map_tells_its_places_from_others(places):
    network = FastNetwork()
    network.learn(SCENES[:places])
    answers = [network.respond(network.see(network.start(), image)[1]) for image in SCENES]
    known, foreign = answers[:places], answers[places:]
    assert all(answer.scores.argmax() == k for k, answer in enumerate(known))
    assert min(answer.scores.max() for answer in known) > max(answer.scores.max() for answer in foreign)


def test_members_of_an_ensemble_differ_and_are_averaged():
    config = EnsembleConfig(members=4)
    members = [config.member(k) for k in range(4)]
    assert len({(m.energy.cells, m.energy.phase) for m in members}) == 4
    assert [m.seed for m in members] == [0, 1, 2, 3]
    ensemble = PlaceEnsemble(EnsembleConfig(members=2))
    ensemble.learn(SCENES)
    _, drives = ensemble.see(ensemble.start(), QUERIES[5])
    each = [member.respond(driven).scores for member, driven in zip(ensemble.members, drives, strict=True)]
    answer = ensemble.respond(drives)
    assert np.allclose(answer.scores, np.mean(each, axis=0))
    assert answer.scores.argmax() == 5
