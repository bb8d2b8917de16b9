"""Whether a criterion may be used: its form, its sources, and the sequences inside it."""

from __future__ import annotations

from collections.abc import Iterator

from biomarker_cli.acquisition.linting import LintFinding, finding_at, header_findings
from biomarker_cli.protocol.document import ProtocolDocument
from biomarker_cli.response.assessing import assess
from biomarker_cli.response.best import best_response
from biomarker_cli.response.criterion import Criterion, load_criterion
from biomarker_cli.response.criterion_file import CriterionTest
from biomarker_cli.response.from_table import TableRow, table_courses


def lint_criterion(document: ProtocolDocument) -> list[LintFinding]:
    """Return what is wrong with a criterion, errors first.

    Raises
    ------
    ProtocolError
        Where it is none.
    """
    criterion = load_criterion(str(document.path))
    found = [*header_findings(document), *_test_findings(criterion), *_untested(criterion)]
    return sorted(found, key=lambda one: (one.severity != "error", one.line, one.place))


def _test_findings(criterion: Criterion) -> Iterator[LintFinding]:
    for place, test in enumerate(criterion.file.tests):
        for wrong in _wrong(criterion, test):
            yield finding_at(
                criterion.document,
                ("tests", place),
                "error",
                code="test-fails",
                place=test.title,
                message=wrong,
            )


def _wrong(criterion: Criterion, test: CriterionTest) -> Iterator[str]:
    (outcome,) = table_courses(_rows(test), criterion)
    if outcome.course is None:
        yield str(outcome.error)
        return
    assessed = assess(outcome.course, criterion)
    expected = {visit.timepoint: visit.expect for visit in test.visits}
    for visit in assessed.visits:
        name = visit.visit.timepoint
        if visit.overall != expected[name]:
            yield f"{name}: expected {expected[name] or 'nothing'}, found {visit.overall}"
    best = best_response(assessed)
    day = best.progression.dated_day if best.progression else None
    for what, wanted, found in (
        ("best", test.best, best.best.call),
        ("best_confirmed", test.best_confirmed, best.confirmed.call),
        ("progression_day", test.progression_day, day),
    ):
        if wanted and wanted != found:
            yield f"{what}: expected {wanted}, found {found}"


def _rows(test: CriterionTest) -> list[TableRow]:
    return [
        TableRow(
            line,
            {
                "subject_id": "test",
                "timepoint": visit.timepoint,
                "day": str(visit.day),
                "target": visit.target,
                "non_target": visit.non_target,
                "new_lesion": visit.new_lesion,
                "new_lesion_sizes": visit.new_lesion_sizes,
                "extra": visit.extra,
            },
        )
        for line, visit in enumerate(test.visits, start=1)
    ]


def _untested(criterion: Criterion) -> Iterator[LintFinding]:
    """Yield what no sequence of the file reaches: each call of a released one must be met."""
    expected = {visit.expect for test in criterion.file.tests for visit in test.visits}
    for place, rule in enumerate(criterion.file.overall):
        if rule.call not in expected:
            yield finding_at(
                criterion.document,
                ("overall", place),
                "warning",
                code="untested-call",
                place=rule.id,
                message=f"no test of the file expects {rule.call}",
            )
