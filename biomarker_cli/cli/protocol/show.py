"""``biomarker protocol show``: what a protocol asks, parents included."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, print_data, print_json, say, say_prose
from biomarker_cli.cli.protocol.kinds import load_any, protocol_argument
from biomarker_cli.cli.strict_command import strict_command

if TYPE_CHECKING:
    from biomarker_cli.protocol.document import ProtocolDocument

_EPILOG = """\b
Examples:
  biomarker protocol show recist-ct
  biomarker protocol show qiba-fdg-1-14 --format json
  biomarker protocol show recist-ct@1.0.0 --lock
"""


@strict_command(epilog=_EPILOG)
@protocol_argument
@format_option
@click.option(
    "--lock", is_flag=True, help="Write its digest to ./protocols.lock, for check --locked."
)
def show(wanted: str, output_format: str, lock: bool) -> None:
    """Show a protocol merged with what it extends, its sources and its digest."""
    from biomarker_cli.protocol.locator import ProtocolKind
    from biomarker_cli.protocol.lock import LOCK_NAME, write_lock

    kind, document = load_any(wanted)
    if output_format == "json":
        print_json({"sha256": document.sha256, **document.data})
    else:
        _print_header(document)
        if kind is ProtocolKind.ACQUISITION:
            _print_rules(document)
        else:
            _print_yaml(document)
    if lock:
        write_lock(Path(LOCK_NAME), kind, document)
        say(f"locked: {document.ident} in {LOCK_NAME}", err=True)


def _print_header(document: ProtocolDocument) -> None:

    header = document.header
    lines = [f"{document.ident}  {header.title}  ({header.status})", f"sha256  {document.sha256}"]
    if header.description:
        lines.append(header.description)
    if document.parents:
        lines.append(f"extends {', '.join(document.parents)}")
    for source in header.source:
        place = ", ".join(filter(None, (source.edition, source.date, source.section)))
        note = f" ({source.confirmed.note})" if source.confirmed.note else ""
        named = " ".join(filter(None, (source.doc, place)))
        lines.append(f"source  {named}; confirmed: {source.confirmed.by}{note}")
    lines += [f"change  {c.version} {c.date}: {c.change}" for c in header.changelog]
    for line in (one for text in lines for one in text.splitlines()):
        say_prose(line)


def _print_rules(document: ProtocolDocument) -> None:
    from biomarker_cli.acquisition.checks import expected_text
    from biomarker_cli.acquisition.linting import origins
    from biomarker_cli.acquisition.protocol import typed

    protocol = typed(document)
    came_from, disabled = origins(document)
    columns = ("rule", "what", "fact", "must be", "over", "level", "severity", "from")
    shown = columns if any(came_from.values()) else columns[:-1]
    table = Listing("", shown, whole=("rule", "over", "level", "severity"))
    for rule in protocol.content.rules:
        role = f"{rule.role}: " if rule.role else ""
        fact = (
            rule.fact
            if isinstance(rule.fact, str)
            else f"({rule.fact.group},xx{rule.fact.element})"
        )
        unit = "" if rule.unit == "1" or not rule.check.has_numbers else f" {rule.unit}"
        limit = f"{expected_text(rule.check, rule.tolerance)}{unit}"
        cells = (
            rule.id,
            role + rule.title,
            fact,
            limit,
            rule.over,
            rule.level,
            rule.severity,
            came_from.get(rule.id, ""),
        )
        table.add_row(*cells[: len(shown)])
    table.print()
    for rule_id in disabled:
        say(f"disabled: {rule_id}")


def _print_yaml(document: ProtocolDocument) -> None:
    import yaml

    hidden = {"format", "id", "version", "status", "title", "description", "source", "changelog"}
    body = {key: value for key, value in document.data.items() if key not in hidden}
    print_data(yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=100))
