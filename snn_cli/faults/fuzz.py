"""`snn faults fuzz`: random fields in messages for every subscription of every node; nothing raises or is unsafe."""

import argparse
from importlib.util import find_spec

from tqdm import tqdm

from snn_cli.arguments import count, seed, whole
from snn_cli.output import emit, table
from snn_core.errors import SnnError

COLUMNS = ("node", "messages", "exceptions", "unsafe", "published", "memory_grown_mb", "s", "complaint")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = commands.add_parser("fuzz", help="put random messages into every subscription of every node")
    parser.add_argument("--messages", type=count, default=100_000, metavar="N", help="per node (default: %(default)s)")
    parser.add_argument("--node", action="append", metavar="NAME", help="only this node; again")
    parser.add_argument("--dds", type=whole, default=0, metavar="N", help="so many more over DDS, to a flying robot")
    parser.add_argument("--seed", type=seed, default=1, help="seed of the messages (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run, usage_error=parser.error)


def run(args: argparse.Namespace) -> None:
    """Fuzz every node; an error when one of them raised, said something unsafe, or grew."""
    if find_spec("rclpy") is None:
        raise SnnError("fuzzing needs ROS 2: install rclpy and the message packages")
    from snn_cli.nodes.fault_fuzz import NODES, fuzz, fuzz_over_dds

    unknown = sorted(set(args.node or ()) - set(NODES))
    if unknown:
        args.usage_error(f"argument --node: expected one of {', '.join(NODES)}, got '{unknown[0]}'")
    rows = [fuzz(name, args.messages, args.seed) for name in tqdm(args.node or NODES, disable=None, unit="node")]
    rows += [fuzz_over_dds(args.dds, args.seed)] if args.dds else []
    emit(rows, table(COLUMNS, [[row[column] for column in COLUMNS] for row in rows]), args.json)
    bad = [str(row["node"]) for row in rows if row["complaint"]]
    if bad:
        raise SnnError(f"{', '.join(bad)}: {next(row['complaint'] for row in rows if row['complaint'])}")
