"""What a part complains about for a while after it went wrong."""

from snn_core.signals import Level


class Complaints:
    """Complaints of late, each cause with its newest words; all are forgotten after `quiet` good messages."""

    def __init__(self, quiet: int) -> None:
        self.quiet = quiet
        self.texts: dict[str, str] = {}
        self._good = 0

    def tell(self, cause: str, text: str) -> None:
        """Something went wrong."""
        self.texts[cause], self._good = text, 0

    def good(self) -> None:
        """A message was fine."""
        self._good += 1
        if self._good >= self.quiet:
            self.texts.clear()

    def listed(self) -> list[tuple[Level, str]]:
        """What a report of health says now."""
        return [(Level.WARN, text) for text in self.texts.values()]
