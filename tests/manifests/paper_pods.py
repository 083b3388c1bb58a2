"""Run the stages of a pipeline on paper: the commands' own code on ports in memory; a pod can be killed at a write."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache

from tests.rollout_story import Story
from workflows import cli, stages
from workflows.cli import stage as command
from workflows.custody import keeping
from workflows.errors import PenstockError
from workflows.ports import Lease
from workflows.release import Release
from workflows.rollout.state import Cause, RolloutState
from workflows.states.memory import MemoryStateStore

KILLED = 137


@cache
def _parser() -> argparse.ArgumentParser:
    return command.make_parser()


class KilledError(BaseException):
    """Stop a process where it stands, as SIGKILL does: nothing catches it."""


class MortalStates(MemoryStateStore):
    """Kills who saves, once, before the state is kept or after, when the time has come."""

    when: Callable[[], bool] = staticmethod(lambda: False)
    after: bool = False
    killed: int = 0

    def save(self, state: RolloutState, lease: Lease) -> None:
        """Keep the state."""
        dies = not self.killed and self.when()
        self.killed += dies
        if dies and not self.after:
            raise KilledError
        super().save(state, lease)
        if dies:
            raise KilledError


class PaperPods:
    """Runs stages on a story; `mortal` is the pod that is killed at its first write, counted from 0."""

    def __init__(self, story: Story, mortal: int | None = None, *, after: bool = False) -> None:
        self.story, self.count = story, -1
        self.states = MortalStates(story.release.plan.key, story.clock)
        self.states.__dict__.update(vars(story.states))
        self.states.after = after
        self.states.when = lambda: self.count == mortal
        self._release = replace(story.release, platform=replace(story.release.platform, states=self.states))

    def __call__(self, words: list[str]) -> int:
        """Run one pod and give its exit code."""
        self.count += 1
        arguments = _parser().parse_args(words[1:])
        lease = command._read_lease(arguments)
        release = replace(self._release, owner=arguments.owner, lease=lease)
        run = command._call_hooks if arguments.stage == "hook" else command._run
        try:
            return run(arguments, release)
        except KilledError:
            return KILLED
        except PenstockError as error:
            return int(cli._code(error))

    def watch_over(self) -> None:
        """Do what the watchdog does when the lease has run out."""
        self.story.clock.sleep(timedelta(days=1))
        rescuer = replace(self._release, owner="watchdog")
        if rescuer.state().under_way:
            with keeping(rescuer):
                stages.finish(rescuer, Cause.ABORTED, "its owner is gone")

    @property
    def release(self) -> Release:
        """Give the release as it stands."""
        return self._release

    @property
    def home(self) -> bool:
        """Tell whether the release rests and all traffic is the primary's."""
        return not self._release.state().under_way and self.story.router.read().canary_percent == 0
