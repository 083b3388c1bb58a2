"""Be the commands `penstock serve` and `penstock gate`; arguments come without the command's own name."""

from webhooks.cli.gate import main as gate_main
from webhooks.cli.service import main

__all__ = ["gate_main", "main"]
