"""PoolPart: the tables of one run as they go into a pool, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biomarker_cli.model.wording import counted, quoted
from biomarker_cli.multicentre.errors import PoolError
from biomarker_cli.regions.result import ROIS_WITH_AUDIT
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.manifest import MANIFEST, read_manifest
from biomarker_cli.tables.package import DATA_PACKAGE
from biomarker_cli.tables.packaged import PackagedTable, read_package
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

OF_A_RUN = (CASES, ROIS_WITH_AUDIT, MEASUREMENTS, FACTS, CHECKS, FEATURES, FLAGS_IN_RUN)
"""The tables of a run, in the order of its data package."""

_DIGESTS = ("pixels_sha256", "image_sha256")


@dataclass(frozen=True, slots=True)
class PartCase:
    """What a pool asks of a case.

    Attributes
    ----------
    case_id : str
    subject : tuple of str
        Site and subject.
    timepoint : str
    status : str
    study_uid : str
    images : tuple of str
        What names its image: UID of the series, digests of pixels and files.
    """

    case_id: str
    subject: tuple[str, str]
    timepoint: str
    status: str
    study_uid: str
    images: tuple[str, ...]

    @property
    def role(self) -> str:
        """Image role, the last part of the id."""
        return self.case_id.rpartition("/")[2]


@dataclass(frozen=True)
class PoolPart:
    """One run, or an earlier pool.

    Attributes
    ----------
    name : str
        As the command line says it.
    sha256 : str
        Of its data package, which holds the digests of its tables.
    tables : mapping of str to PackagedTable
    manifest : mapping
    cases : mapping of str to PartCase
    features : sequence of mapping
        Rows of features.csv.
    severities : mapping
        What its flags weigh.
    """

    name: str
    sha256: str
    tables: Mapping[str, PackagedTable]
    manifest: Mapping[str, Any]
    cases: Mapping[str, PartCase]
    features: Sequence[Mapping[str, str]]
    severities: Mapping[str, str]

    @property
    def study(self) -> str:
        """Id of its study."""
        return str(self.manifest.get("study", ""))

    def asks_for(self, analysis_id: str) -> bool:
        """Tell whether its study asks for an analysis, measured or not."""
        return any(
            str(protocol.get("format", "")).startswith("biomarker-analysis/")
            and f"{protocol.get('id')}@{protocol.get('version')}" == analysis_id
            for protocol in self.manifest["protocols"]
        )


def read_part(folder: Path, name: str) -> PoolPart:
    """Read what a pool asks of a run before it looks at its measurements.

    Parameters
    ----------
    folder : Path
    name : str
        What the part is called in messages.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-PACKAGE``, ``TABLE-MANIFEST``, ``TABLE-CHANGED``,
        ``TABLE-COLUMNS``, ``TABLE-VALUE``, ``TABLE-UNREADABLE``.
    PoolError
        ``POOL-SCHEMA``, ``POOL-PART-MIXED``.
    """
    tables = read_package(folder)
    for table in OF_A_RUN:
        _require_schema(table, tables.get(table.name), name)
    for table in (DIAMETERS, REGISTRATIONS, EXCLUSIONS):
        if table.name in tables:
            _require_schema(table, tables[table.name], name)
    for table in (ROIS_WITH_AUDIT, FACTS, CHECKS, DIAMETERS, REGISTRATIONS):
        if table.name in tables:
            tables[table.name].require_unchanged()
    manifest = read_manifest(folder)
    if not manifest:
        raise TableError(
            "TABLE-NOT-FOUND",
            f"no {MANIFEST} in {name}",
            hint="It says what the tables were made with: name the folder that `run -o` wrote.",
        )
    return PoolPart(
        name=name,
        sha256=hashlib.sha256((folder / DATA_PACKAGE).read_bytes()).hexdigest(),
        tables=tables,
        manifest=manifest,
        cases=_cases(tables[CASES.name], manifest["cases"], name),
        features=list(rows_of(tables[FEATURES.name])),
        severities={row["flag"]: row["severity"] for row in rows_of(tables[FLAGS_IN_RUN.name])},
    )


def rows_of(table: PackagedTable) -> Iterator[dict[str, str]]:
    """Yield the rows of a table that was not edited, as text by column.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-CHANGED``, ``TABLE-COLUMNS``, ``TABLE-UNREADABLE``.
    """
    table.require_unchanged()
    yield from table.named_rows()


def _require_schema(wanted: Table, found: PackagedTable | None, part: str) -> None:
    if found is None:
        raise PoolError(
            "POOL-SCHEMA",
            f"the run has no {wanted.file_name}",
            where=part,
            hint="Name the folder that `biomarker run -o` wrote.",
        )
    ours = [(column.name, column.type) for column in wanted.columns]
    theirs = [(column.name, column.type) for column in found.columns]
    if ours == theirs and found.key == wanted.key:
        return
    unlike = [name for name, _ in sorted(set(ours) ^ set(theirs))]
    said = ", ".join(map(quoted, dict.fromkeys(unlike))) or "their order, or the key"
    raise PoolError(
        "POOL-SCHEMA",
        f"{wanted.file_name} has another form than this version writes: {said}",
        where=part,
        hint="Run the study again with this version: what was measured is not measured anew "
        "unless a number may differ.",
    )


def _cases(table: PackagedTable, known: Mapping[str, Any], part: str) -> dict[str, PartCase]:
    """Return the cases of a run, which its manifest has to know."""
    found = {}
    for row in rows_of(table):
        case_id = row["case_id"]
        told = known.get(case_id)
        if told is None or told.get("result_key", "") != row["result_key"]:
            raise _mixed(part, f"the manifest tells another result of {quoted(case_id)}")
        images = (row["series_uid"], *(str(told.get(name) or "") for name in _DIGESTS))
        found[case_id] = PartCase(
            case_id,
            (row["site_id"], row["subject_id"]),
            row["timepoint"],
            row["status"],
            row["study_uid"],
            tuple(filter(None, images)),
        )
    if len(found) != len(known):
        raise _mixed(part, f"the manifest knows {counted(len(known), 'case')}, not {len(found)}")
    return found


def _mixed(part: str, what: str) -> PoolError:
    return PoolError(
        "POOL-PART-MIXED",
        f"tables and manifest are not of one run: {what}",
        where=part,
        hint="Run the same `biomarker run` again, which writes both anew.",
    )
