"""The sheet of a protocol: what a radiographer enters at the console, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from biomarker_cli.acquisition.checks import expected_text
from biomarker_cli.acquisition.console_names import MANUFACTURERS, ConsoleName
from biomarker_cli.acquisition.judging import for_maker
from biomarker_cli.acquisition.protocol import AcquisitionProtocol
from biomarker_cli.acquisition.results import NOT_MET, CheckResult, Outcome
from biomarker_cli.acquisition.rules import Conditions, Rule, Tolerance
from biomarker_cli.tables.cells import csv_text

NO_NAME = "no console name"
"""What stands where no document gives one."""


@dataclass(frozen=True, slots=True)
class ConsoleLine:
    """One line of a sheet.

    Attributes
    ----------
    series : str
        Role of the series in the study; empty where the protocol has no roles.
    parameter : str
        What the rule is about, in words.
    console_name, name_source : str
        What the console calls it, and which document says so.
    fact : str
        Fact of the library, or element.
    why : str
        The reason that the protocol gives, else the section of its source.
    limit, unit : str
    applies : str
        Conditions under which the rule applies; empty where it always does.
    level : str
        shall, should or may.
    severity : str
        What failing it means: error, warning or info.
    found, outcome : str
        Of the series it is held against; empty where it is held against none.
    """

    rule_id: str
    series: str
    parameter: str
    console_name: str
    name_source: str
    fact: str
    limit: str
    unit: str
    applies: str
    level: str
    severity: str
    why: str
    found: str = ""
    outcome: str = ""
    fix: str = ""


SHEET_COLUMNS = tuple(one.name for one in fields(ConsoleLine))
_AGAINST_COLUMNS = ("found", "outcome", "fix")


def sheet_rows(
    protocol: AcquisitionProtocol,
    vendor: str = "",
    names: Mapping[str, ConsoleName] | None = None,
    results: Sequence[CheckResult] | None = None,
) -> list[ConsoleLine]:
    """Return the lines of the sheet of a protocol, in the order of its rules.

    Parameters
    ----------
    protocol : AcquisitionProtocol
    vendor : str
        One of `MANUFACTURERS`: limits and facts are those of its scanners. Empty
        for any; a rule that differs between vendors then has a line for each.
    names : mapping, optional
        Fact -> name at the console.
    results : sequence of CheckResult, optional
        Of the series that the sheet is held against. A rule that was judged more
        than once has a line for each different finding; one that applies to none
        of the series keeps its line, as `not_applicable`.
    """
    roles = protocol.content.roles
    found: list[ConsoleLine] = []
    for rule in protocol.content.rules:
        series = roles[rule.role].title or rule.role if rule.role else ""
        lines = [_row(one, series, names or {}, who) for who, one in _variants(rule, vendor)]
        if results is not None:
            lines = list(_held_against(lines, rule, [r for r in results if r.rule_id == rule.id]))
        found += lines
    return found


def _variants(rule: Rule, vendor: str) -> Iterator[tuple[str, Rule]]:
    """Yield (for whom, rule): of one vendor, or of all that the rule tells apart."""
    if vendor:
        # Canon's older scanners are Toshiba's; a limit of either is its own.
        for maker in MANUFACTURERS[vendor]:
            special = for_maker(rule, maker)
            if special is not rule:
                yield "", special
                return
        yield "", rule
        return
    for alternative in rule.vendors:
        yield alternative.manufacturer, for_maker(rule, alternative.manufacturer)
    yield "other manufacturers" if rule.vendors else "", rule


def _row(rule: Rule, series: str, names: Mapping[str, ConsoleName], who: str) -> ConsoleLine:
    fact = str(rule.fact)
    called = names.get(fact, ConsoleName(NO_NAME, ""))
    has_unit = rule.unit not in ("", "1") and rule.check.has_numbers
    applies = "; ".join(filter(None, (who, _conditions(rule.when))))
    return ConsoleLine(
        rule_id=rule.id,
        series=series,
        parameter=rule.title,
        console_name=called.name,
        name_source=called.source,
        fact=fact,
        limit=expected_text(rule.check, rule.tolerance),
        unit=rule.unit if has_unit else "",
        applies=applies,
        level=rule.level,
        severity=rule.severity,
        why=rule.why or (f"Source, section {rule.section}" if rule.section else ""),
    )


def _conditions(when: Conditions) -> str:
    texts = (f"{fact} {expected_text(check, Tolerance())}" for fact, check in when.items())
    return "; ".join(texts)


def _held_against(
    lines: Sequence[ConsoleLine], rule: Rule, results: Iterable[CheckResult]
) -> Iterator[ConsoleLine]:
    """Yield a line for each different finding, with the limit that the series was judged by."""
    judged = [r for r in results if r.outcome is not Outcome.NOT_APPLICABLE]
    if not judged:
        yield from (replace(line, outcome=Outcome.NOT_APPLICABLE.value) for line in lines)
        return
    conditions = _conditions(rule.when)
    findings = [
        replace(
            lines[0],
            limit=r.expected or lines[0].limit,
            applies=conditions,
            found=r.observed or r.reason,
            outcome=r.outcome.value,
            fix=rule.fix if r.outcome in NOT_MET else "",
        )
        for r in judged
    ]
    yield from dict.fromkeys(findings)


def sheet_csv(rows: Sequence[ConsoleLine], *, against: bool) -> str:
    """Return the sheet as a CSV table; cells are escaped as in every table.

    The columns of a finding stand only where the sheet is held against a series.
    """
    columns = SHEET_COLUMNS if against else SHEET_COLUMNS[: -len(_AGAINST_COLUMNS)]
    return csv_text(columns, [{name: getattr(row, name) for name in columns} for row in rows])
