"""What a report says of all cases: counts, what must not be used and why, what it was made with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from biomarker_cli.model.wording import counted
from biomarker_cli.report.cases import CasePage
from biomarker_cli.report.identity import ReportIdentity
from biomarker_cli.report.run_reading import RunTables

STANDINGS = ("measured", "deviating", "partial", "failed", "excluded", "waiting")

_MOST_NAMED = 12


@dataclass(frozen=True)
class SiteCounts:
    """A site on the first screen.

    Attributes
    ----------
    site_id : str
    standings : mapping
        Of `STANDINGS` -> cases.
    usable : mapping
        ``yes``, ``caution``, ``no`` -> measurements.
    """

    site_id: str
    standings: Mapping[str, int]
    usable: Mapping[str, int]


@dataclass(frozen=True)
class NotUsed:
    """Why numbers must not be used, or with caution.

    Attributes
    ----------
    flag, severity, meaning : str
    n : str
        Measurements.
    cases : sequence of CasePage
        The first of them.
    n_more : int
    """

    flag: str
    severity: str
    meaning: str
    n: str
    cases: Sequence[CasePage]
    n_more: int


@dataclass(frozen=True)
class Failure:
    """Cases and ROIs that stopped with one error.

    Attributes
    ----------
    code : str
    what : sequence of (CasePage, str, str)
        Case, ROI (empty for the whole), message.
    n_more : int
    """

    code: str
    what: Sequence[tuple[CasePage, str, str]]
    n_more: int


def site_counts(pages: Sequence[CasePage], sites: Sequence[str]) -> list[SiteCounts]:
    """Return the counts of each site."""
    standings: dict[str, Counter[str]] = {site: Counter() for site in sites}
    usable: dict[str, Counter[str]] = {site: Counter() for site in sites}
    for page in pages:
        standings[page.row["site_id"]][page.standing] += 1
        usable[page.row["site_id"]].update(page.usable)
    return [SiteCounts(site, standings[site], usable[site]) for site in sites]


def not_used(tables: RunTables, pages: Sequence[CasePage]) -> list[NotUsed]:
    """Return the flags for which numbers must not be used or with caution, the worst first."""
    cases: dict[str, list[CasePage]] = defaultdict(list)
    for page in pages:
        for flag, _ in page.flags:
            cases[flag].append(page)
    order = {"do_not_use": 0, "caution": 1}
    rows = [row for row in tables.flags if row["severity"] in order]
    return [
        NotUsed(
            row["flag"],
            row["severity"],
            row["meaning"],
            row["n_measurements"] or "0",
            cases[row["flag"]][:_MOST_NAMED],
            max(len(cases[row["flag"]]) - _MOST_NAMED, 0),
        )
        for row in sorted(rows, key=lambda row: (order[row["severity"]], row["flag"]))
    ]


def failures(pages: Sequence[CasePage]) -> list[Failure]:
    """Return what stopped, by error code, the most frequent first."""
    found: dict[str, list[tuple[CasePage, str, str]]] = defaultdict(list)
    for page in pages:
        if page.row["error_code"]:
            found[page.row["error_code"]].append((page, "", page.message))
        for roi in page.rois:
            if roi.row["error_code"]:
                found[roi.row["error_code"]].append((page, roi.row["roi_id"], roi.message))
    return [
        Failure(code, what[:_MOST_NAMED], max(len(what) - _MOST_NAMED, 0))
        for code, what in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def exclusion_counts(tables: RunTables) -> list[tuple[str, int]]:
    """Return why a pool left something out, and how often."""
    counts = Counter(row["reason"] for row in tables.exclusions)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def pooling_verdict(pages: Sequence[CasePage], worst: str, n_waived: int = 0) -> str:
    """Return a sentence that says whether the measurements may be pooled.

    Parameters
    ----------
    pages : sequence of CasePage
    worst : str
        The rule that most cases break; empty for none.
    n_waived : int
        Checks that are not met and that a person waived.
    """
    usable: Counter[str] = Counter()
    for page in pages:
        usable.update(page.usable)
    total = usable.total()
    if not total:
        return "Nothing was measured: there is nothing to pool."
    said = f"{usable['yes']} of {total} measurements may be pooled as they are"
    if usable["caution"]:
        said += f", {usable['caution']} after a look (caution)"
    if usable["no"]:
        said += f", {usable['no']} must not be used or have no value"
    said += f". The rule that most cases break is {worst}." if worst else "."
    if n_waived:
        is_or_are = "is" if n_waived == 1 else "are"
        said += f" {counted(n_waived, 'check')} that {is_or_are} not met {is_or_are} waived."
    return said


def provenance(tables: RunTables, identity: ReportIdentity) -> list[tuple[str, str]]:
    """Return what the run was made with: names and values."""
    manifest: Mapping[str, Any] = tables.manifest
    said: list[tuple[str, str]] = []
    if manifest.get("study"):
        said.append(("study", str(manifest["study"])))
    if manifest.get("created"):
        # The day of the run is none of a subject.
        said.append(("tables written", str(manifest["created"])))
    said += [(f"software {name}", str(one)) for name, one in manifest.get("software", {}).items()]
    said += [(f"platform {name}", str(one)) for name, one in manifest.get("platform", {}).items()]
    policy = manifest.get("usable_policy") or {}
    if isinstance(policy, Mapping) and policy.get("sha256"):
        said.append(("policy of what flags weigh", f"sha256 {policy['sha256']}"))
    waivers = manifest.get("waivers") or []
    if isinstance(waivers, list) and waivers:
        said.append(("waivers that can speak of a case", str(len(waivers))))
    said.append(("certificate of the installation", str(manifest.get("certificate") or "none")))
    identity_said = "as the tables have them" if identity.keeps else "of the study: no UIDs, days"
    return [*said, ("identities", identity_said)]


def protocols(tables: RunTables) -> list[tuple[str, str, str, str]]:
    """Return kind, id@version, status and digest of each protocol."""
    return [
        (
            str(one.get("format", "")).partition("/")[0].removeprefix("biomarker-"),
            f"{one.get('id', '')}@{one.get('version', '')}",
            str(one.get("status", "")),
            str(one.get("sha256", "")),
        )
        for one in tables.manifest.get("protocols", ())
    ]
