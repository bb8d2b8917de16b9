"""What a qualification says: text of 80 columns, JSON, JUnit; whether a certificate holds."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from biomarker_cli.model.wording import counted, shown
from biomarker_cli.multicentre.qualification.certificate import told
from biomarker_cli.multicentre.qualification.checks import KnownCheck
from biomarker_cli.multicentre.qualification.qualifying import NOTHING, Qualification
from biomarker_cli.tables.certificates import FAILED, PASSED
from biomarker_cli.tables.junit import JUnitCase, junit_xml

WIDTH = 80

NEXT = {
    PASSED: "",
    NOTHING: "Nothing was measured: name a suite that needs no data, or give --data DIR.",
    FAILED: "Do not measure with this installation. Install it afresh with its pinned versions "
    "(constraints.txt) and verify again; where it stays, report it with the output of "
    "`biomarker verify --format json`.",
}
"""The next step, by verdict."""

Changes = Sequence[tuple[str, str, str]]
"""What changed, as it was certified, and as it is now."""


def as_json(
    qualification: Qualification, certificate: dict[str, Any], n_worst: int
) -> dict[str, Any]:
    """Return a qualification for scripts: its certificate, and the checks that do not pass."""
    failures = qualification.failures
    return {
        "format": "biomarker-qualification/1",
        "verdict": qualification.verdict,
        "certificate": certificate,
        "causes": [asdict(cause) for cause in qualification.causes],
        "failures": [told(check) for check in failures[:n_worst]],
        "failures_left_out": max(len(failures) - n_worst, 0),
        "next": NEXT[qualification.verdict],
    }


def text_lines(
    qualification: Qualification, certificate: dict[str, Any], n_worst: int
) -> list[str]:
    """Return the report for people: the suites, what was skipped, the worst, the cause."""
    lines = [
        *_installation_lines(certificate["installation"]),
        "",
        *_suite_lines(qualification),
        *_skipped_lines(qualification),
        *_worst_lines(qualification.failures, n_worst),
        *_cause_lines(qualification),
        "",
    ]
    n_checks, n_out = len(qualification.checks), len(qualification.failures)
    how_many = f"{n_out} of {counted(n_checks, 'check')} out of tolerance"
    lines += _wrapped(f"verdict: {qualification.verdict} ({how_many})")
    step = NEXT[qualification.verdict]
    return lines + (_wrapped(f"  next  {step}", indent=8) if step else [])


def check_json(certificate: dict[str, Any], changes: Changes) -> dict[str, Any]:
    """Return whether a certificate holds, for scripts."""
    return {
        "certificate": certificate["id"],
        "created": certificate.get("created"),
        "verdict": certificate.get("verdict"),
        "holds": holds(certificate, changes),
        "changes": [dict(zip(("what", "certified", "now"), one, strict=True)) for one in changes],
    }


def check_lines(certificate: dict[str, Any], changes: Changes) -> list[str]:
    """Return whether a certificate holds, for people."""
    head = f"certificate {certificate['id']} of {certificate.get('created', '-')}"
    lines = _wrapped(f"{head}: verdict {certificate.get('verdict')}")
    for what, then, now in changes:
        lines += _wrapped(f"  {what}: certified {then}, now {now}", indent=4)
    if holds(certificate, changes):
        return [*lines, "it describes this installation"]
    why = "this installation is another one" if changes else "it did not pass"
    step = "Verify anew: `biomarker verify --certificate FILE`."
    return [*lines, f"it does not hold: {why}", *_wrapped(f"  next  {step}", indent=8)]


def holds(certificate: dict[str, Any], changes: Changes) -> bool:
    """Tell whether a certificate passed and describes this installation."""
    return certificate.get("verdict") == PASSED and not changes


def _wrapped(text: str, indent: int = 2) -> list[str]:
    return textwrap.wrap(shown(text), WIDTH, subsequent_indent=" " * indent) or [""]


def _installation_lines(installation: dict[str, Any]) -> list[str]:
    software, platform = installation["software"], installation["platform"]
    head = f"biomarker {software['biomarker']}, Python {platform['python']}, {platform['system']}"
    return _wrapped(f"{head} {platform['machine']}, {installation['processor']}")


def _suite_lines(qualification: Qualification) -> Iterator[str]:
    yield f"{'suite':<10}{'checks':>8}{'out':>6}  worst, in units of its tolerance"
    for suite in qualification.suites:
        worst = suite.worst
        furthest = "not measured" if worst is None else f"{_times(worst)}  {worst.expected.name}"
        line = f"{suite.name:<10}{len(suite.checks):>8}{len(suite.failures):>6}  {shown(furthest)}"
        yield line if len(line) <= WIDTH else f"{line[: WIDTH - 3]}..."


def _times(check: KnownCheck) -> str:
    return f"{check.excess:.3g}" if math.isfinite(check.excess) else "beyond any"


def _skipped_lines(qualification: Qualification) -> Iterator[str]:
    told_of = [(suite.name, why) for suite in qualification.suites for why in suite.skipped]
    if told_of:
        yield ""
        yield "skipped: not verified here"
    for name, why in told_of:
        yield from _wrapped(f"  {name}, {why}", indent=4)


def _worst_lines(failures: Sequence[KnownCheck], n_worst: int) -> Iterator[str]:
    listed = failures[:n_worst]
    if not listed:
        return
    yield ""
    yield f"worst first, {len(listed)} of {len(failures)}"
    for check in listed:
        yield from _wrapped(f"  {check.suite}  {check.expected.name}", indent=4)
        yield from _wrapped(f"    {said_of(check)}", indent=6)


def junit(qualification: Qualification) -> str:
    """Return JUnit XML: a suite per suite, a test per check, and a skipped one per lack."""
    suites = {
        suite.name: [
            *(_junit_case(check) for check in suite.checks),
            *(JUnitCase(why, "skipped", why) for why in suite.skipped),
        ]
        for suite in qualification.suites
    }
    return junit_xml("biomarker verify", suites)


def _junit_case(check: KnownCheck) -> JUnitCase:
    if check.is_within:
        return JUnitCase(check.expected.name)
    return JUnitCase(check.expected.name, "failed", said_of(check), FAILED)


def said_of(check: KnownCheck) -> str:
    """Return what is wrong with a check, in one line."""
    known, found, unit = check.expected.value, check.found, check.expected.unit
    expected = known if isinstance(known, str) else f"{known:.10g} {unit}".strip()
    if check.problem:
        return f"expected {expected}, and nothing came: {check.problem}"
    if found is None:
        return f"expected {expected}, and there is no value"
    if isinstance(known, str) or isinstance(found, str):
        return f"expected {expected}, found {found}"
    percent = f" ({100.0 * (found / known - 1.0):+.3g} %)" if known else ""
    return f"expected {expected}, found {found:.10g}{percent}, {_times(check)} x tolerance"


def _cause_lines(qualification: Qualification) -> Iterator[str]:
    if qualification.failures:
        yield ""
        yield "cause"
    for cause in qualification.causes:
        how = f"{cause.n_explained} of {cause.n_failing}"
        yield from _wrapped(f"  {cause.certainty}: {cause.text} ({how})", indent=4)
