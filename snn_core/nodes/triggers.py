"""Services that do one thing when they are called, and say in words what came of it."""

from collections.abc import Callable

from rclpy.node import Node
from std_srvs.srv import Trigger

from snn_core.errors import SnnError
from snn_core.nodes.guard import Guard


def serve_trigger(
    node: Node, guard: Guard, name: str, work: Callable[[], str], after: Callable[[], None] | None = None
) -> None:
    """Serve `name` (std_srvs/Trigger): `work` returns what it did, or raises an SnnError, which is the refusal.

    `after` is called in either case.
    """

    def answer(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            response.message = work()
            response.success = True
        except SnnError as error:
            response.success, response.message = False, str(error)
        if after is not None:
            after()
        return response

    node.create_service(Trigger, name, guard(answer))
