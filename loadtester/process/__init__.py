"""Start, watch and stop engine processes, and judge what they report; nothing here imports locust.

The one rule to keep: an engine has an owner, and whatever happens to either, no process is left behind.
"""

from loadtester.process.child import Ending, EngineProcess
from loadtester.process.run import DOCUMENT_SCHEMA, LoadRun, run
from loadtester.process.team import Team

__all__ = ["DOCUMENT_SCHEMA", "Ending", "EngineProcess", "LoadRun", "Team", "run"]
