"""Policies and parameters: what the papers leave open, and what a study chose."""

from __future__ import annotations

from collections.abc import Mapping

from biomarker_cli.response.criterion import Criterion
from biomarker_cli.response.errors import ResponseError


def parameters_of(criterion: Criterion, *chosen: Mapping[str, int]) -> dict[str, int]:
    """Return the parameters, those of a later mapping before an earlier one.

    Raises
    ------
    ResponseError
        ``RESPONSE-POLICY-UNSET`` for one that the criterion does not have.
    """
    found = {name: one.default for name, one in criterion.file.parameters.items()}
    for mapping in chosen:
        for name, value in mapping.items():
            if name not in found:
                raise _unknown(criterion, name)
            found[name] = value
    return found


def policies_of(
    criterion: Criterion, chosen: Mapping[str, str], parameters: Mapping[str, int] | None = None
) -> dict[str, str]:
    """Return every policy of a criterion: as chosen, as a parameter implies, or its default.

    Parameters
    ----------
    criterion : Criterion
    chosen : mapping of str to str
    parameters : mapping, optional
        Those that somebody set.

    Raises
    ------
    ResponseError
        ``RESPONSE-POLICY-UNSET`` for a policy or a choice that the criterion does not have.
    """
    known = criterion.file.policies
    for name, choice in chosen.items():
        if name not in known:
            raise _unknown(criterion, name)
        if choice not in known[name].choices:
            raise ResponseError(
                "RESPONSE-POLICY-UNSET",
                f"{criterion.ident}: {name} cannot be {choice!r}",
                hint=f"Its choices are: {', '.join(known[name].choices)}.",
            )
    implied: dict[str, str] = {}
    for parameter in parameters or ():
        implied.update(criterion.file.parameters[parameter].implies)
    found = {name: one.default for name, one in known.items()} | implied | dict(chosen)
    for name, policy in known.items():
        if name in chosen:
            continue
        for other in policy.where:
            if found[other.policy] == other.chosen:
                found[name] = other.then
    return found


def _unknown(criterion: Criterion, name: str) -> ResponseError:
    known = [*criterion.file.policies, *criterion.file.parameters]
    return ResponseError(
        "RESPONSE-POLICY-UNSET",
        f"{criterion.ident} has no policy or parameter {name!r}",
        hint=f"It has: {', '.join(known) or 'none'}.",
    )
