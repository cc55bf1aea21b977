"""How fast a simulated world goes by."""

from pydantic import Field

from snn_core.config import Config


class PaceConfig(Config):
    """Pace of simulated time, or lock step with whoever commands."""

    real_time_factor: float = Field(
        1.0, ge=0, le=1000, description="speed of simulated time; 0 = lock step, as fast as commands come"
    )
    patience_s: float = Field(0.2, ge=0.01, le=10, description="lock step: real time that a command is waited for (s)")
    paused: bool = Field(False, description="start paused")

    def timer_s(self, dt_s: float) -> float:
        """Real time between two looks at what is to be done, for periods of `dt_s`."""
        return dt_s / self.real_time_factor if self.real_time_factor else self.patience_s
