"""Make one data package of the tables of several runs.

The tables of a pool are those of a run, so that whatever reads a run reads a pool, and
beside them ``exclusions.csv``. Finished lines are copied, one case at a time is in
memory, and neither the order of the parts nor how cases were shared out changes a byte
of a table.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any

from biomarker_cli.model.severities import SEVERITY_WORDS
from biomarker_cli.multicentre.errors import PoolError
from biomarker_cli.multicentre.pooling.diameters import KeptDiameters
from biomarker_cli.multicentre.pooling.filtering import RowFilter, count_flags
from biomarker_cli.multicentre.pooling.merging_rows import (
    PartBlock,
    joined_checks,
    joined_exclusions,
    joined_features,
    merged_blocks,
    sorted_by_key,
)
from biomarker_cli.multicentre.pooling.parts import OF_A_RUN, PoolPart, read_part
from biomarker_cli.multicentre.pooling.pool_manifest import write_pool_manifest
from biomarker_cli.multicentre.pooling.rules import PoolRules
from biomarker_cli.multicentre.pooling.scanning import PartScan, scan_measurements
from biomarker_cli.multicentre.pooling.twins import (
    LeftOutCase,
    find_twins,
    require_single_cases,
)
from biomarker_cli.multicentre.pooling.unlike import (
    LeftOut,
    PartDifference,
    find_differences,
    leave_out,
    require_alike,
)
from biomarker_cli.multicentre.pooling.unmeasured import unmeasured_rows
from biomarker_cli.regions.result import ROIS_WITH_AUDIT
from biomarker_cli.tables.cells import csv_line
from biomarker_cli.tables.flag_counts import RunFlags
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.schema import (
    CASES,
    CHECKS,
    DIAMETERS,
    EXCLUSIONS,
    FACTS,
    FEATURES,
    FLAGS_IN_RUN,
    MEASUREMENTS,
    REGISTRATIONS,
    Table,
)
from biomarker_cli.tables.writing import row_lines, table_file, table_lines

_MIXED = "pool"
"""Name of a pool of several studies."""

_Writers = dict[str, Callable[[str], None]]


@dataclass
class PoolReport:
    """What went into a pool.

    Attributes
    ----------
    name : str
    n_parts, n_cases, n_rows : int
        Of what is in the pool.
    n_by_reason : Counter
        Measurements, or cases of twins, that were left out.
    sites : tuple of str
    differences : list of PartDifference
    parts : tuple of PoolPart
    """

    name: str
    n_parts: int
    n_cases: int = 0
    n_rows: int = 0
    n_by_reason: Counter[str] = field(default_factory=Counter)
    sites: tuple[str, ...] = ()
    differences: list[PartDifference] = field(default_factory=list)
    parts: tuple[PoolPart, ...] = ()

    def as_json(self, rules: PoolRules) -> dict[str, Any]:
        """Return it for scripts."""
        return {
            "name": self.name,
            "parts": self.n_parts,
            "sites": list(self.sites),
            "cases": self.n_cases,
            "measurements": self.n_rows,
            "left_out": dict(sorted(self.n_by_reason.items())),
            "differences": [
                one.as_json(self.parts, rules.answer(one.kind)) for one in self.differences
            ],
        }


@dataclass(frozen=True)
class _Plan:
    """What is pooled, when nothing is refused any more."""

    parts: tuple[PoolPart, ...]
    scans: tuple[PartScan, ...]
    differences: list[PartDifference]
    left: list[LeftOut]
    twins: dict[str, LeftOutCase]


def pool_runs(
    folders: Sequence[Path],
    output: Path,
    rules: PoolRules,
    names: Mapping[Path, str] = MappingProxyType({}),
) -> PoolReport:
    """Write the pool of several runs.

    Parameters
    ----------
    folders : sequence of Path
        Folders of runs or of earlier pools.
    output : Path
        A folder that exists; nothing is written where something is refused.
    rules : PoolRules
    names : mapping
        Folder -> what it is called in messages, where it is not by its path.

    Raises
    ------
    TableError
        As `read_part`.
    PoolError
        ``POOL-SCHEMA``, ``POOL-PART-MIXED``, ``POOL-CASE-REPEATED``, ``POOL-UNLIKE``,
        ``POOL-NO-CERTIFICATE``, ``POOL-DUPLICATE``, ``POOL-RULES``, ``POOL-EMPTY``.
    """
    plan = _planned(folders, rules, names)
    studies = {part.study for part in plan.parts}
    name = rules.name or (studies.pop() if len(studies) == 1 else _MIXED)
    report = PoolReport(
        name or _MIXED, len(plan.parts), differences=plan.differences, parts=plan.parts
    )
    with ExitStack() as files:
        named = {name for part in plan.parts for name in part.tables}
        asked = (table for table in (DIAMETERS, REGISTRATIONS) if table.name in named)
        tables = (*OF_A_RUN, *asked, EXCLUSIONS)
        write = {t.name: files.enter_context(table_file(t, output)) for t in tables}
        _write_tables(plan, rules, write, report)
        if not report.n_rows:
            raise PoolError(
                "POOL-EMPTY",
                "no measurement is left in the pool",
                hint="The column `usable` and the flags.csv of the parts say why; --usable all "
                "takes every value.",
            )
    write_datapackage(tables, output, report.name)
    write_pool_manifest(plan.parts, plan.differences, plan.twins, rules, report.name, output)
    return report


def _planned(folders: Sequence[Path], rules: PoolRules, names: Mapping[Path, str]) -> _Plan:
    found = [(read_part(folder, names.get(folder, str(folder))), folder) for folder in folders]
    like = None if rules.like is None else rules.like.resolve()
    # By their content, so that neither the order of the folders nor their names matter.
    found.sort(key=lambda pair: (pair[0].sha256, pair[0].name))
    parts = tuple(part for part, _ in found)
    places = [place for place, (_, folder) in enumerate(found) if folder.resolve() == like]
    if like is not None and not places:
        raise PoolError("POOL-RULES", f"--like names no part of the pool: {rules.like}")
    require_single_cases(parts)
    scans = tuple(scan_measurements(part) for part in parts)
    differences = find_differences(parts, scans)
    require_alike(differences, parts, rules)
    twins = find_twins(parts, rules)
    left = leave_out(differences, parts, rules, places[0] if places else -1)
    return _Plan(parts, scans, differences, left, twins)


def _write_tables(plan: _Plan, rules: PoolRules, write: _Writers, report: PoolReport) -> None:
    flags = RunFlags()
    cases = {case_id: case for part in plan.parts for case_id, case in part.cases.items()}
    kept = cases.keys() - plan.twins.keys()
    report.n_cases = len(kept)
    report.sites = tuple(sorted({cases[case_id].subject[0] for case_id in kept}))
    for table in (CASES, ROIS_WITH_AUDIT, FACTS):
        _copy(plan, table, write[table.name], flags)
    if REGISTRATIONS.name in write:
        for block in merged_blocks(plan.parts, REGISTRATIONS):
            if block.key[0] not in plan.twins:
                write[REGISTRATIONS.name]("\n".join(block.lines) + "\n")
    _write_checks(plan, write[CHECKS.name])
    _write_measurements(plan, rules, write, report, flags)
    features = joined_features(plan.parts, plan.scans, plan.left)
    write[FEATURES.name](table_lines(FEATURES, features))
    write[FLAGS_IN_RUN.name](row_lines(FLAGS_IN_RUN, flags.rows(_severities(plan.parts))))


def _copy(plan: _Plan, table: Table, write: Callable[[str], None], flags: RunFlags) -> None:
    for block in merged_blocks(plan.parts, table):
        if block.key[0] not in plan.twins:
            write("\n".join(block.lines) + "\n")
            if table is not CASES:
                flags.add({table.name: count_flags(block.lines, 0)})


def _write_checks(plan: _Plan, write: Callable[[str], None]) -> None:
    blocks = merged_blocks(plan.parts, CHECKS, n_lead=2)
    for (_, case_id), alike in groupby(blocks, key=lambda block: block.key):
        if not case_id:
            write(joined_checks(list(alike)))
            continue
        for block in alike:
            if case_id not in plan.twins:
                write("\n".join(block.lines) + "\n")


def _write_measurements(
    plan: _Plan, rules: PoolRules, write: _Writers, report: PoolReport, flags: RunFlags
) -> None:
    filters = [
        RowFilter(rules.usable, left, part.severities)
        for part, left in zip(plan.parts, plan.left, strict=True)
    ]
    twins = (
        PartBlock((case_id,), -1, [_twin_line(case_id, why)])
        for case_id, why in sorted(plan.twins.items())
    )
    left = heapq.merge(
        twins,
        merged_blocks(plan.parts, EXCLUSIONS),
        _measured(plan, filters, write, report, flags),
        key=lambda block: block.key,
    )
    for _, alike in groupby(left, key=lambda block: block.key):
        write[EXCLUSIONS.name](joined_exclusions(list(alike)))
    for one in filters:
        report.n_by_reason.update(one.n_by_reason)
    report.n_by_reason.update(twin.reason for twin in plan.twins.values())


def _measured(
    plan: _Plan,
    filters: Sequence[RowFilter],
    write: _Writers,
    report: PoolReport,
    flags: RunFlags,
) -> Iterator[PartBlock]:
    """Write the measurements that are kept, and yield the lines of those that are not."""
    diameters = KeptDiameters(plan.parts)
    for block in _all_measurements(plan):
        case_id = block.key[0]
        if case_id in plan.twins:
            continue
        role = plan.parts[block.place].cases[case_id].role
        kept, excluded = filters[block.place].split(block.lines, role)
        if kept:
            write[MEASUREMENTS.name]("\n".join(kept) + "\n")
            flags.add({MEASUREMENTS.name: count_flags(kept, 1)})
            report.n_rows += len(kept)
            if lengths := diameters.of(block.key, kept):
                write[DIAMETERS.name]("\n".join(lengths) + "\n")
        if excluded:
            yield PartBlock(block.key, block.place, excluded)


def _all_measurements(plan: _Plan) -> Iterator[PartBlock]:
    """Yield the measurements of each case, with those that its part could not know of."""
    lacking = (
        map(partial(_as_block, place), unmeasured_rows(place, plan.parts, plan.scans))
        for place in range(len(plan.parts))
    )
    blocks = merged_blocks(plan.parts, MEASUREMENTS)
    merged = heapq.merge(blocks, *lacking, key=lambda block: block.key)
    for key, alike in groupby(merged, key=lambda block: block.key):
        first, *rest = alike
        lines = first.lines if not rest else sorted_by_key([first, *rest], MEASUREMENTS)
        yield PartBlock(key, first.place, lines)


def _as_block(place: int, rows: tuple[str, list[str]]) -> PartBlock:
    case_id, lines = rows
    return PartBlock((case_id,), place, lines)


def _twin_line(case_id: str, why: LeftOutCase) -> str:
    return csv_line((case_id, "", "", "", why.reason, why.detail, ""))[:-1]


def _severities(parts: Sequence[PoolPart]) -> Callable[[str], str]:
    """Return what a flag weighs: the heaviest that a part gives it."""

    def severity_of(flag: str) -> str:
        given = [part.severities[flag] for part in parts if flag in part.severities]
        return max(given, key=SEVERITY_WORDS.index)

    return severity_of
