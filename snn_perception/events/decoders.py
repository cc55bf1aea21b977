"""Packets of encoded events, decoded one after the other; losses and wraps of the clock are counted, never silent."""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from snn_core.errors import DataError
from snn_perception.events import decoder_kernels
from snn_perception.events.batch import EventBatch, check_size, sort_events

WORDS = {"evt3": "<u2", "evt2": "<u4", "libcaer": "<u4", "libcaer_cmp": "<u2", "mono": "<u8"}
STATEFUL = ("evt3", "evt2")  # encodings whose packets lean on those before them


class EventPacket(NamedTuple):
    """A packet as it came: encoded bytes, and what its sender said about them."""

    data: Any  # a buffer of bytes
    encoding: str
    width: int
    height: int
    seq: int = 0
    time_base_ns: int = 0


class EventDecoder:
    """Decodes the packets of one camera. `counts` names what was left out, and why."""

    def __init__(self, source: str = "events") -> None:
        self.source = source
        self.counts: Counter[str] = Counter()
        self.form: tuple[str, int, int] | None = None
        self.seq: int | None = None
        self.skipped = 0  # since that one
        self.memory = np.zeros(decoder_kernels.MEMORY, np.int64)

    def decode(self, packet: EventPacket) -> EventBatch:
        """The events of a packet, which may be none; those outside the sensor are left out and counted.

        After a gap in the sequence numbers the decoder waits for the next complete time.

        Raises:
            DataError: an unknown encoding, an impossible sensor, or bytes that are not whole words.
        """
        try:
            self._check(packet)
        except DataError:
            self.skip()
            raise
        self._follow(packet)
        words = np.frombuffer(packet.data, WORDS[packet.encoding])
        room = len(words) * decoder_kernels.MOST_PER_WORD[packet.encoding]
        x, y = np.empty(room, np.uint16), np.empty(room, np.uint16)
        t, on = np.empty(room, np.int64), np.empty(room, np.bool_)
        turns = self.memory[decoder_kernels.TURNS]
        kernel = getattr(decoder_kernels, packet.encoding)
        n, bad = kernel(words, packet.time_base_ns // 1000, self.memory, x, y, t, on)
        faults = Counter(undecodable=bad, rollover=int(self.memory[decoder_kernels.TURNS] - turns))
        inside = (x[:n] < packet.width) & (y[:n] < packet.height)
        faults["outside"] = n - int(np.count_nonzero(inside))
        self.counts += faults
        batch = EventBatch(x[:n], y[:n], t[:n], on[:n], packet.width, packet.height, packet.encoding)
        return sort_events(batch.take(inside) if faults["outside"] else batch)

    def skip(self) -> None:
        """A packet was left out: its events are gone, and so is the time that later ones would lean on."""
        self.skipped += 1
        if self.form is not None and self.form[0] in STATEFUL:
            self.memory[decoder_kernels.READY] = 0

    def _check(self, packet: EventPacket) -> None:
        if packet.encoding not in WORDS:
            raise DataError(
                f"{self.source}: expected one of the encodings {', '.join(WORDS)}, found {packet.encoding[:40]!r}"
            )
        check_size(packet.width, packet.height, self.source)
        word = np.dtype(WORDS[packet.encoding]).itemsize * (2 if packet.encoding == "libcaer" else 1)
        if len(packet.data) % word:
            raise DataError(
                f"{self.source}: expected {packet.encoding} in words of {word} bytes, found {len(packet.data)} bytes; "
                "truncated packet"
            )

    def _follow(self, packet: EventPacket) -> None:
        form = (packet.encoding, packet.width, packet.height)
        if self.form is not None and form != self.form:
            self.counts["format_changed"] += 1
            self.memory[:] = 0
        elif self.seq is not None and packet.seq != self.seq + 1:
            if packet.seq > self.seq:
                self.counts["lost_packets"] += max(packet.seq - self.seq - 1 - self.skipped, 0)
            else:
                self.counts["sequence_restarted"] += 1
            if packet.encoding in STATEFUL:
                self.memory[decoder_kernels.READY] = 0
        self.form, self.seq, self.skipped = form, packet.seq, 0
