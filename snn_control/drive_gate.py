"""The last hop of a drive: ahead and turn, each behind the same gate as the altitude's command, and never without it.

While nobody is fit to command the altitude the drive is neutral too: a robot that nobody holds does not fly on.
"""

import math
from collections import Counter

from snn_control.command_gate import CommandGate, GateConfig
from snn_control.owners import Owner, Transition
from snn_core.signals import Command, Drive, Verdict

OWNERS = {"joy": Owner.HUMAN, "pilot": Owner.HUMAN, "snn": Owner.SNN, "pid": Owner.PID}


class DriveGate:
    """Two gates in step; a joystick stands above whoever else pilots."""

    def __init__(self, config: GateConfig) -> None:
        self.ahead, self.turn = (CommandGate(_unheld(config)) for _ in range(2))
        self.heard = False  # whether anybody has ever driven: until then there is nothing to forward
        self.joy_s = -math.inf
        self.counts: Counter[str] = Counter()

    def configure(self, config: GateConfig) -> None:
        """Take over new limits."""
        self.ahead.config = self.turn.config = _unheld(config)

    def offer(self, source: str, drive: Drive, now_s: float) -> Verdict:
        """Take in a drive of the joystick, a pilot, or a controller (joy, pilot, snn, pid); all of it or nothing."""
        if source == "joy":
            self.joy_s = now_s
        elif source == "pilot" and 0.0 <= now_s - self.joy_s <= self.ahead.config.joy_timeout_s:
            self.counts["drive_pilot_overruled"] += 1
            return Verdict.STALE
        self.heard = True
        finite = math.isfinite(drive.ahead) and math.isfinite(drive.turn)
        ahead, turn = (drive.ahead, drive.turn) if finite else (math.nan, math.nan)
        verdict = self.ahead.offer(OWNERS[source], Command(ahead, drive.stamp_s), now_s)
        self.turn.offer(OWNERS[source], Command(turn, drive.stamp_s), now_s)
        self.counts[f"drive_{source}_{verdict.value}"] += 1
        return verdict

    def refuse(self, source: str, verdict: Verdict) -> None:
        """Count a drive that could not even be read."""
        self.counts[f"drive_{source}_{verdict.value}"] += 1
        for gate in (self.ahead, self.turn):
            gate.refuse(OWNERS[source], verdict)

    def release(self) -> None:
        """The joystick's button is let go."""
        self.joy_s = -math.inf
        for gate in (self.ahead, self.turn):
            gate.release()

    def lease(self, name: str, stamp_s: float, now_s: float) -> None:
        """A coordinator's word holds for the drive as it does for the altitude."""
        for gate in (self.ahead, self.turn):
            gate.lease(name, stamp_s, now_s)

    def emit(self, now_s: float, steady_s: float, held: bool) -> tuple[Drive, Transition | None]:
        """What goes to the actuators now; neutral, under a stamp of now, unless the altitude is `held`."""
        ahead, transition = self.ahead.emit(now_s, steady_s)
        turn, _ = self.turn.emit(now_s, steady_s)
        if held:
            return Drive(ahead.value, turn.value, min(ahead.stamp_s, turn.stamp_s)), transition
        for gate in (self.ahead, self.turn):
            moved_s = now_s if gate.state.output != 0.0 else gate.state.moved_s  # it begins anew from rest
            gate.state = gate.state._replace(owner=Owner.NEUTRAL, output=0.0, moved_s=moved_s)
        return self.neutral(now_s), None

    def neutral(self, now_s: float) -> Drive:
        """The safe drive."""
        return Drive(0.0, 0.0, now_s)

    def values(self) -> dict[str, float | int | str]:
        """Who drives, and a count of everything that was offered, for diagnostics."""
        if not self.heard:
            return {}
        state = self.ahead.state
        return {
            "drive_owner": state.owner.name.lower(), "drive_ahead": state.output,
            "drive_turn": self.turn.state.output, "drive_clipped": self.ahead.clipped + self.turn.clipped,
            **self.counts,
        }  # fmt: skip


def _unheld(config: GateConfig) -> GateConfig:
    """The limits of the altitude's gate; what holds a heavy robot up is no neutral of a drive."""
    return config.model_copy(update={"neutral_command": 0.0})
