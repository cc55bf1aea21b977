"""What the robot of a mission senses, as contracts that its coordinator watches."""

from collections.abc import Sequence

from snn_control.coordination.contracts import Contracts, load_contracts
from snn_control.coordination.streams import CLIMB, HEADING, HEIGHT, MOTION, PID, PLACE, SNN, TURN, TURNING
from snn_core.resources import config_dir

FILE = "mission_streams.yaml"
GROUND = (HEIGHT, CLIMB, HEADING, TURNING, MOTION, SNN, PID)  # what every robot flies by
ROUTE = (*GROUND, PLACE, TURN)


def mission_streams(
    uses: Sequence[str], every_s: dict[str, float] | None = None, steady: Sequence[str] = ()
) -> Contracts:
    """The contracts of these streams.

    `every_s` replaces nominal intervals, stream -> seconds. The `steady` ones are sampled at their nominal rate always.
    """
    shipped, changed = load_contracts(config_dir() / FILE), every_s or {}
    contracts = {name: shipped[name] for name in uses}
    for name, interval_s in changed.items():
        rate_hz = 1.0 / interval_s
        rates = {"rate_nominal_hz": rate_hz, "rate_max_hz": rate_hz}
        lowest_hz = contracts[name].rate_min_hz / contracts[name].rate_nominal_hz * rate_hz
        contracts[name] = contracts[name].model_copy(update={**rates, "rate_min_hz": lowest_hz})
    return contracts | {name: contracts[name].model_copy(update={"knobs": ()}) for name in steady}
