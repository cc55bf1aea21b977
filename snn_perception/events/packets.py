"""Packets of events as they come to a robot, encoded or as points; what cannot be used is counted."""

from collections import Counter
from typing import NamedTuple

from snn_perception.events.batch import EventBatch
from snn_perception.events.decoders import EventDecoder, EventPacket
from snn_perception.events.point_clouds import PointBuffer, cloud_events, counts_from_stamp


class Packet(NamedTuple):
    """A packet of events."""

    content: EventPacket | PointBuffer
    stamp_ns: int  # that its sender gave it

    def offset_us(self, batch: EventBatch) -> int:
        """What takes the times of its events to the clock of stamps.

        A camera's own clock is aligned by the stamp, which is that of the first event.
        """
        if isinstance(self.content, PointBuffer) and counts_from_stamp(self.content):
            return 0
        return self.stamp_ns // 1000 - int(batch.t_us[0])


class PacketReader:
    """Decodes the packets of one camera."""

    def __init__(self, source: str = "events") -> None:
        self.decoder = EventDecoder(source)
        self.outside = 0  # points that no pixel has

    @property
    def counts(self) -> Counter[str]:
        """What was left out, and why."""
        return self.decoder.counts + Counter(outside=self.outside)

    def skip(self) -> None:
        """A packet was left out."""
        self.decoder.skip()

    def read(self, packet: Packet, size: tuple[int, int]) -> EventBatch:
        """The events of a packet, which may be none; `size` is the sensor's, for points, which do not tell.

        Raises:
            DataError: the packet cannot be decoded.
        """
        if isinstance(packet.content, EventPacket):
            return self.decoder.decode(packet.content)
        batch, outside = cloud_events(packet.content, *size)
        self.outside += outside
        return batch
