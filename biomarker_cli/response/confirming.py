"""Which response a later visit confirms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from biomarker_cli.response.criterion_file import BestRules


class Call(NamedTuple):
    """A call with its day; one that was kept from before neither confirms nor is confirmed."""

    call: str
    day: int
    persisted: bool


def confirmation(
    response: str, calls: Sequence[Call], rules: BestRules, parameters: Mapping[str, int]
) -> tuple[int, int] | None:
    """Return the places of the first response and of what confirms it, None where nothing does.

    Parameters
    ----------
    response : str
    calls : sequence of Call
        By day, up to the first progression.
    rules : BestRules
    parameters : mapping of str to int
        ``confirm`` days that must lie between, ``max_ne`` visits between that say
        nothing, ``accept_sd`` visits of stable disease between.
    """
    for first, one in enumerate(calls):
        if one.call != response or one.persisted:
            continue
        for second in range(first + 1, len(calls)):
            if _confirms(response, calls[first : second + 1], rules, parameters):
                return first, second
    return None


def _confirms(
    response: str, calls: Sequence[Call], rules: BestRules, parameters: Mapping[str, int]
) -> bool:
    first, *between, last = calls
    if last.persisted or last.call not in rules.confirmed_by[response]:
        return False
    if last.day - first.day < parameters.get("confirm", 0):
        return False
    inner = [one.call for one in between]
    n_without = sum(call in rules.between for call in inner)
    n_accepted = sum(call in rules.accepted_once for call in inner)
    if n_without > parameters.get("max_ne", 1) or n_accepted > parameters.get("accept_sd", 0):
        return False
    path = [call for call in (*inner, last.call) if call not in rules.between]
    path = [call for call in path if call not in rules.accepted_once]
    if any(call not in rules.confirmed_by[response] for call in path):
        return False
    # A response that was better before is no confirmation of the lesser one.
    ranks = [rules.order.index(call) for call in path]
    return ranks == sorted(ranks, reverse=True)
