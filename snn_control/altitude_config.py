"""Settings of the evolution of an altitude controller."""

from typing import Literal

from pydantic import Field

from snn_control.axis_control import AxisName
from snn_core.config import Config
from snn_core.network_config import HiddenLayer


class AltitudeEvolutionConfig(Config):
    """Settings of one run; the defaults made the shipped model."""

    seed: int = Field(1, ge=0, le=2**31, description="seed of everything random")
    axis: AxisName = Field("altitude", description="what the controller holds")
    dt_s: float = Field(0.1, gt=0, le=1, description="control period (s)")
    pairs: int = Field(20, ge=2, le=128, description="pairs per layer; 20 make 160 neurons in all")
    pd_hidden: HiddenLayer = Field("recurrent_iwta", description="hidden layer of the PD network")
    integral_hidden: HiddenLayer = Field("lif", description="hidden layer of the I network")
    strategy: Literal["cma", "ga"] = Field("cma", description="search of the evolved stages")
    population: int = Field(32, ge=4, le=10000, description="individuals per generation")
    descent_iterations: int = Field(12000, ge=1, description="iterations of the stage pd")
    descent_rate: float = Field(0.015, gt=0, le=1, description="largest step of a gene, in its scale")
    integral_generations: int = Field(400, ge=1, description="generations of the stage integral")
    flight_generations: int = Field(400, ge=1, description="generations of the stage flight")
    islands: int = Field(1, ge=1, le=1000, description="populations that evolve apart")
    migrate_every: int = Field(20, ge=1, description="generations between migrations of the islands' best")
    sigma: float = Field(0.1, gt=0, le=10, description="first step size of the stage integral, in gene scales")
    flight_sigma: float = Field(0.03, gt=0, le=10, description="first step size of the stage flight, in gene scales")
    flight_weight: float = Field(1.0, ge=0, description="weight of the flight cost against the PD mimic loss (1/m)")
    data_digest: str = Field("", description="SHA-256 of the training data; the run fills it in")
    integral_weight: float = Field(0.3, ge=0, description="weight of the I mimic loss against the PD mimic loss")
