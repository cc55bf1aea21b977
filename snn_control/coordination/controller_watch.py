"""The spiking controller under watch: the health of its networks, its twin beside it, and commands that do not help."""

from collections.abc import Mapping

from snn_control.coordination.coordination_config import CoordinationConfig
from snn_control.coordination.journal import Event, Journal, Kind
from snn_control.coordination.shadow import Shadow
from snn_control.coordination.spiking_health import Saturation, SpikeCounts, SpikingHealth, SpikingVerdict
from snn_core.signals import Level

NETWORKS = ("pd", "integral")
APART = 1.0  # commands that differ by less say the same


class ControllerWatch:
    """What is wrong with the networks, beyond what their commands show."""

    def __init__(self, config: CoordinationConfig, journal: Journal) -> None:
        self.config, self.journal = config, journal
        self.networks = {name: SpikingHealth(config, config.step_s) for name in NETWORKS}
        self.sick: dict[str, SpikingVerdict] = {}
        self.shadow = Shadow(config)
        self.saturation = Saturation(config, config.command_limit)

    def reset(self) -> None:
        """Forget what was timed by a clock that has been set since."""
        self.shadow.reset()
        self.saturation.since_s = None

    def take_counts(self, values: Mapping[str, float], now_s: float) -> None:
        """Counters from the controller's report, for those networks that it has."""
        for name, network in self.networks.items():
            if f"{name}_spikes" in values:
                keys = (f"{name}_spikes", f"{name}_neuron_steps", "off_target_steps")
                self._become(name, network.take(SpikeCounts(*(int(values.get(key, 0.0)) for key in keys))), now_s)

    def _become(self, name: str, verdict: SpikingVerdict, now_s: float) -> None:
        before = self.sick.get(name, SpikingVerdict.HEALTHY)
        if verdict is before:
            return
        healthy = verdict is SpikingVerdict.HEALTHY
        if healthy:
            del self.sick[name]
        else:
            self.sick[name] = verdict
        self.journal.add(
            Event(
                now_s, Kind.TRUST, f"network {name}", before.value, verdict.value, f"output {verdict.value}",
                f"{self.networks[name].share:.0%} of the neurons fire", Level.OK if healthy else Level.ERROR,
            )
        )  # fmt: skip

    def overruled(self, snn: float, pid: float, error_m: float, now_s: float) -> bool:
        """Whether the PID should settle it: they disagree for long with a large error, or a command does not help."""
        was = self.shadow.alarm
        alarm = self.shadow.compare(snn, pid, now_s)
        helpless = self.saturation.take(snn, error_m, now_s) and abs(snn - pid) > APART
        if alarm != was:
            old, new = ("agree", "disagree") if alarm else ("disagree", "agree")
            evidence = f"smoothed difference {self.shadow.difference:+.1f}, band {self.config.shadow_band:g}"
            level = Level.WARN if alarm else Level.OK
            cause = f"controllers {new}"
            self.journal.add(Event(now_s, Kind.SHADOW, "snn against pid", old, new, cause, evidence, level))
        return helpless or (alarm and abs(error_m) > self.config.shadow_worse_m)
