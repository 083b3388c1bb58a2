"""Be the commands of the service, each a function that takes its arguments without its own name."""

from webhooks.cli.gate import main as gate_main
from webhooks.cli.loadtester import main as loadtester_main
from webhooks.cli.runs import main as runs_main
from webhooks.cli.service import main

__all__ = ["gate_main", "loadtester_main", "main", "runs_main"]
