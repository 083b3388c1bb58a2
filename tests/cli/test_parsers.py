"""Every command describes itself: by a parser, a help text for each option, and what its value is."""

import argparse

import pytest

from workflows.cli import COMMANDS, parsers

PARSERS = dict(parsers.walk())


def explains_itself(action: argparse.Action) -> bool:
    if isinstance(action, argparse._SubParsersAction):
        return bool(action.metavar) and len(action._choices_actions) == len(action.choices)
    return bool(action.help) and bool(action.nargs == 0 or action.metavar or action.choices)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_parser_of_its_name(name: str) -> None:
    assert PARSERS[name].prog == f"penstock {name}"


@pytest.mark.parametrize("words", PARSERS)
def test_every_command_says_what_it_is_for(words: str) -> None:
    said = PARSERS[words].description

    assert said
    assert "rule to keep" not in said
    assert not said.startswith("Run `penstock")


@pytest.mark.parametrize("words", PARSERS)
def test_every_option_says_what_it_means_and_what_its_value_is(words: str) -> None:
    assert [action.dest for action in PARSERS[words]._actions if not explains_itself(action)] == []


def test_serve_lists_the_options_of_all_its_parts() -> None:
    shown = parsers.find_parser("serve").format_help()

    assert [
        flag for flag in ("--catalog", "--prometheus", "--kubeconfig", "--context", "--watchdog") if flag not in shown
    ] == []


def test_commands_of_a_command_are_found() -> None:
    assert [*parsers.find_subcommands(parsers.find_parser("local"))] == ["up", "apply", "status", "down"]
    assert parsers.find_subcommands(parsers.find_parser("run")) == {}
