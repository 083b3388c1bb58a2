"""Say `penstock load ...`: run and compare plans, make reports, render manifests, print the schema.

Exit codes: 0 passed, 99 a threshold failed, 98 inconclusive, 104 bad plan, 105 cancelled, 107 the user's script is
at fault. The one rule to keep: bad input ends in one line for each fault, never in a traceback.
"""

from loadtester.cli.command import main

__all__ = ["main"]
