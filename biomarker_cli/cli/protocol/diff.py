"""``biomarker protocol diff``: what changed between two protocols of one kind."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, print_json, say
from biomarker_cli.cli.protocol.kinds import load_any
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.protocol.document import ProtocolDocument

_EPILOG = """\b
Examples:
  biomarker protocol diff recist-ct@0.1.0 recist-ct@1.0.0
  biomarker protocol diff recist-ct site.yaml --format json
  biomarker protocol diff fdg-suv fdg-percist

Exit codes: 0 whether they differ or not, 2 a protocol that cannot be read.
"""


@strict_command(epilog=_EPILOG)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@format_option
def diff(a: str, b: str, output_format: str) -> None:
    """Say how B differs from A.

    Acquisition protocols are compared rule by rule, with the way a limit moved;
    the other kinds setting by setting, and whether their results may be pooled.
    """
    from biomarker_cli.protocol.errors import ProtocolError
    from biomarker_cli.protocol.locator import ProtocolKind

    (kind, before), (other, after) = load_any(a), load_any(b)
    if kind is not other:
        raise ProtocolError(
            "PROTOCOL-KINDS",
            f"{before.ident} is {kind.described}, {after.ident} is {other.described}",
            hint="Compare two protocols of one kind.",
        )
    is_acquisition = kind is ProtocolKind.ACQUISITION
    compared = {
        "acquisition": _of_rules,
        "analysis": _of_settings,
        "response": _of_criteria,
        "registration": _of_registrations,
    }
    changes = compared[kind.value](before, after)
    if output_format == "json":
        print_json(changes)
        return
    say(f"{before.ident} -> {after.ident}")
    if is_acquisition:
        _print_rules(changes)
    else:
        _print_settings(changes)


def _of_rules(before: ProtocolDocument, after: ProtocolDocument) -> list[dict[str, Any]]:
    from biomarker_cli.acquisition.diffing import compare_protocols
    from biomarker_cli.acquisition.protocol import typed

    return [dataclasses.asdict(c) for c in compare_protocols(typed(before), typed(after))]


def _of_settings(before: ProtocolDocument, after: ProtocolDocument) -> list[dict[str, Any]]:
    from biomarker_cli.case.analysis import load_analysis
    from biomarker_cli.case.comparing import compare_analyses

    old, new = (load_analysis(str(document.path)) for document in (before, after))
    return [dataclasses.asdict(change) for change in compare_analyses(old, new)]


def _of_criteria(before: ProtocolDocument, after: ProtocolDocument) -> list[dict[str, Any]]:
    from biomarker_cli.case.comparing import compare_settings
    from biomarker_cli.response.criterion import load_criterion

    old, new = (load_criterion(str(document.path)).file for document in (before, after))
    return [dataclasses.asdict(change) for change in compare_settings(old, new)]


def _of_registrations(before: ProtocolDocument, after: ProtocolDocument) -> list[dict[str, Any]]:
    from biomarker_cli.case.comparing import compare_settings
    from biomarker_cli.registration.rules import load_registration

    old, new = (load_registration(str(document.path)).file for document in (before, after))
    return [dataclasses.asdict(change) for change in compare_settings(old, new)]


def _print_rules(changes: list[dict[str, Any]]) -> None:
    if not changes:
        say("no rule differs")
        return
    _print_table(("rule", "what", "before", "after", "direction"), changes)


def _print_settings(changes: list[dict[str, Any]]) -> None:
    if changes:
        said = [{**c, "moves_numbers": "yes" if c["moves_numbers"] else "no"} for c in changes]
        _print_table(("setting", "before", "after", "moves numbers"), said)
    n_moving = sum(change["moves_numbers"] for change in changes)
    if n_moving:
        what = counted(n_moving, "setting that moves", "settings that move")
        say(f"results are not comparable: they differ in {what} numbers")
    else:
        say("results are comparable: no setting that moves a number differs")


def _print_table(columns: tuple[str, ...], changes: list[dict[str, Any]]) -> None:

    table = Listing("", columns, whole=("rule", "direction"))
    for change in changes:
        table.add_row(*(str(value) for value in change.values()))
    table.print()
