"""Who may command: a ladder of owners, and the lease by which a coordinator shuts out the upper rungs."""

from enum import IntEnum
from typing import NamedTuple


class Owner(IntEnum):
    """The ladder, best first. A human who holds the deadman button stands above every program."""

    HUMAN = 0
    SNN = 1
    PID = 2
    NEUTRAL = 3


SOURCES = (Owner.HUMAN, Owner.SNN, Owner.PID)  # those that send commands
LEASABLE = {owner.name.lower(): owner for owner in (Owner.SNN, Owner.PID, Owner.NEUTRAL)}


class Lease(NamedTuple):
    """The highest rung that a coordinator allows, and when it said so."""

    owner: Owner
    stamp_s: float

    def fresh(self, now_s: float, lease_s: float) -> bool:
        """Whether it still binds."""
        return now_s - self.stamp_s <= lease_s


def highest_rung(lease: Lease | None, now_s: float, lease_s: float) -> Owner:
    """The highest rung that a program may command from.

    Without a lease all of them. One that has run out frees the PID twin, but not a spiking controller that it had shut
    out: nobody is left to say that it can be trusted again.
    """
    if lease is None:
        return Owner.SNN
    return lease.owner if lease.fresh(now_s, lease_s) else min(lease.owner, Owner.PID)


class Transition(NamedTuple):
    """A change of owner, for the record."""

    at_s: float
    old: Owner
    new: Owner
    cause: str
    evidence: str

    def __str__(self) -> str:
        return f"{self.old.name} -> {self.new.name}: {self.cause} ({self.evidence})"
