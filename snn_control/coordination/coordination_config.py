"""Everything that can be set about the coordinator's decisions."""

from pydantic import Field

from snn_control.coordination.battery import BatteryConfig
from snn_control.coordination.budget import BudgetConfig
from snn_control.coordination.fleet import FleetConfig
from snn_control.coordination.ladder import LadderConfig
from snn_control.coordination.lifecycle import LifecycleConfig
from snn_control.coordination.sensing_policy import SensingConfig
from snn_control.coordination.shadow import ShadowConfig
from snn_control.coordination.spiking_health import SpikingConfig
from snn_control.coordination.trust import TrustConfig


class CoordinationConfig(
    TrustConfig, LadderConfig, ShadowConfig, SensingConfig, SpikingConfig, BatteryConfig, BudgetConfig, LifecycleConfig,
    FleetConfig,
):  # fmt: skip
    """Everything that can be set about the decisions."""

    clock_jump_s: float = Field(1.0, gt=0, le=600, description="leap of the clock that forgets what was heard (s)")
    grace_s: float = Field(10.0, ge=0, le=600, description="time at the start without an opinion about the owner (s)")
    command_limit: float = Field(10.0, gt=0, le=10, description="largest command, either sign (command)")
    suspicion: float = Field(0.7, gt=0, le=10, description="anomaly at which the model of healthy flight is asked")
    surprise: float = Field(9.0, gt=0, le=1e6, description="innovation that calls for full sensing (variances)")
