"""Find out from the output of hey and wrk whether the load they made met nothing but errors.

Both end with exit status 0 whatever was answered, so that a load on a broken canary would look like a good one.
"""

import re

_TOOL = re.compile(r"(?:^|[\s;&|(/])(hey|wrk)(?=\s|$)")
_HEY_STATUS = re.compile(r"^\s*\[(\d{3})\]\t(\d+) responses", re.MULTILINE)
_HEY_ERROR = re.compile(r"^\s*\[(\d+)\]\t(?!\d+ responses)(.+)", re.MULTILINE)
_WRK_TOTAL = re.compile(r"^\s*(\d+) requests in ", re.MULTILINE)
_WRK_BAD = re.compile(r"^\s*Non-2xx or 3xx responses: (\d+)", re.MULTILINE)
_FIRST_BAD_STATUS = 400


def makes_load(command: str) -> bool:
    """Tell whether a command line calls a load tool."""
    return bool(_TOOL.search(command))


def find_fault(command: str, output: str) -> str:
    """Say what is wrong with the load that a command made, empty when nothing is or the command makes none."""
    tools = {match[1] for match in _TOOL.finditer(command)}
    if "hey" in tools:
        return _find_hey_fault(output)
    return _find_wrk_fault(output) if "wrk" in tools else ""


def _find_hey_fault(output: str) -> str:
    if "Status code distribution:" not in output:
        return ""  # another output was asked for, such as -o csv
    answers = {int(status): int(number) for status, number in _HEY_STATUS.findall(output)}
    if any(status < _FIRST_BAD_STATUS and number for status, number in answers.items()):
        return ""
    errors = [text.strip() for _, text in _HEY_ERROR.findall(output)]
    if not answers and not errors:
        return "the load made no request"
    counts = [f"{number} responses with status {status}" for status, number in answers.items()]
    return f"the load met errors alone: {'; '.join([*counts, *errors])}"


def _find_wrk_fault(output: str) -> str:
    total, bad = _WRK_TOTAL.search(output), _WRK_BAD.search(output)
    if total is None:
        return ""
    if int(total[1]) == 0:
        return "the load got no response"
    if bad is not None and int(bad[1]) >= int(total[1]):
        return f"the load met errors alone: {bad[1]} of {total[1]} responses were neither 2xx nor 3xx"
    return ""
