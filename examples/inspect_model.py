"""Look into the shipped model: its structure, where it comes from, and what its neurons do at a step.

python examples/inspect_model.py [MODEL.safetensors]
"""

import sys

from snn_control.spiking_pid import SpikingPid, model_path
from snn_core.model_files import load_model

STEP_M = 0.5
STEPS = 30


def main() -> None:
    """Print the header, then the spikes and the command of three seconds after a step of the setpoint."""
    path = model_path(sys.argv[1] if len(sys.argv) > 1 else "default")
    header, networks = load_model(path)
    print(f"{path.name}: {header.kind}, one step every {header.dt_s} s, seed {header.seed}, by {header.created_by}")
    for name, config in header.networks.items():
        values = sum(field.size for field in networks[name])
        print(f"  {name}: {config.pairs} pairs per layer, {config.hidden}, {config.connectivity}, {values} parameters")
    for name, value in header.score.items():
        print(f"  {name}: {value}")

    controller = SpikingPid(networks, header.dt_s, header.limit)
    print(f"\n{controller.neurons} neurons while the setpoint is {STEP_M} m too high; | = one spike")
    for k in range(STEPS):
        command = controller.step(STEP_M, 0.0)
        print(f"{k * header.dt_s:4.1f} s {command:+6.2f}  {'|' * controller.spikes_last_step}")
    rate = controller.spikes / (controller.steps * header.dt_s * controller.neurons)
    print(f"mean rate {rate:.2f} spikes/s per neuron, {controller.synops / controller.steps:.0f} SynOps per step")


if __name__ == "__main__":
    main()
