"""A ledger as a proposal by overlap: every visit of a run, in the space of its baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.registration.recorded import Imaged, Registrations
from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.ledger import OPEN
from biomarker_cli.response.measured_run import MeasuredRun
from biomarker_cli.response.placing_lesions import (
    MaskedVisit,
    masked_visit,
    placed_at_baseline,
    placed_visit,
    role_of_masks,
)
from biomarker_cli.response.proposing import visit_days
from biomarker_cli.response.tracks import Tracks, propose_visit
from biomarker_cli.response.visit_readings import NO_NEW
from biomarker_cli.tables.export.joint_cases import JointCase, read_joint_cases
from biomarker_cli.tables.packaged import read_package

Row = dict[str, Any]


@dataclass
class MatchedLedger:
    """A proposal of a run.

    Attributes
    ----------
    ledger, matches : list of dict
        Rows of ``lesions.csv`` and ``matches.csv``.
    n_visits : int
        Follow-ups that have a proposal.
    faults : list of tuple
        Subject and visit without one, and why.
    """

    ledger: list[Row] = field(default_factory=list)
    matches: list[Row] = field(default_factory=list)
    n_visits: int = 0
    faults: list[tuple[str, BiomarkerError]] = field(default_factory=list)


def matched_ledger(folder: Path, registrations: Registrations, role: str = "") -> MatchedLedger:
    """Return what is proposed of the lesions of a run.

    Parameters
    ----------
    folder : Path
        Of a run that kept masks.
    registrations : Registrations
        How the visits of a subject lie to its baseline.
    role : str
        Image that lesions were drawn on; empty where the ROIs of the run have one alone.

    Raises
    ------
    ResponseError
        ``RESPONSE-MATCH-ROLE``, ``RESPONSE-LESION-AMBIGUOUS``.
    TableError
        Where the tables of the run cannot be read.
    """
    run = MeasuredRun(folder)
    every = read_joint_cases(read_package(folder), ())
    chosen = role_of_masks(folder, every, role)
    series = (Imaged(one.series_uid, one.frame_uid) for one in every.values())
    known = registrations.in_run(series)
    cases = {i: case for i, case in every.items() if case.role == chosen}
    found = MatchedLedger()
    for subject in sorted({case.subject_id for case in run.cases}):
        _Subject(folder, run, cases, subject, known).propose(found)
    return found


@dataclass(frozen=True, eq=False)
class _Subject:
    """A subject of a run whose lesions are followed."""

    folder: Path
    run: MeasuredRun
    cases: Mapping[str, JointCase]
    subject: str
    registrations: Registrations

    def propose(self, into: MatchedLedger) -> None:
        """Add the rows of all visits."""
        days = visit_days(self.run, self.subject)
        first, *later = days
        try:
            baseline = self._baseline(first)
        except BiomarkerError as error:
            self._give_up(into, {first: days[first]}, error)
            why = ResponseError(
                "RESPONSE-MATCH-BASELINE",
                f"the baseline {first} has no masks to compare with",
                where=self.subject,
                hint=error.hint,
            )
            for name in later:
                self._give_up(into, {name: days[name]}, why)
            return
        tracks = Tracks(baseline.regions[0].geometry)
        uids = self._uids(first)
        for placed in placed_at_baseline(baseline):
            tracks.add(placed.name, placed, uids.get(placed.name, ""))
            into.ledger.append(
                self._head(first, days[first])
                | {
                    "lesion_id": placed.name,
                    "state": "measured",
                    "roi_id": placed.name,
                    "basis": f"proposed: as it is named at {first}",
                }
            )
        for name in later:
            try:
                self._follow(into, tracks, baseline, name, days[name])
            except BiomarkerError as error:
                self._give_up(into, {name: days[name]}, error)

    def _baseline(self, timepoint: str) -> MaskedVisit:
        baseline = self._masked(timepoint)
        if not baseline.regions:
            raise ResponseError(
                "RESPONSE-MATCH-BASELINE",
                "the baseline has no ROI",
                where=baseline.case.case_id,
                hint="Write the ledger by hand, or take `response init` without --match.",
            )
        return baseline

    def _masked(self, timepoint: str) -> MaskedVisit:
        case = self._case(timepoint)
        visit = masked_visit(self.folder, case)
        carried = [r.name for r in visit.regions if (case.case_id, r.name) in self.run.carried]
        if carried:
            raise ResponseError(
                "RESPONSE-MATCH-CARRIED",
                f"masks were carried from another visit: {', '.join(carried[:5])}",
                where=case.case_id,
                hint="They say where lesions were, not what became of them: draw this visit.",
            )
        return visit

    def _case(self, timepoint: str) -> JointCase:
        for case_id in self.run.cases_of(self.subject, timepoint):
            if case_id in self.cases:
                return self.cases[case_id]
        raise ResponseError(
            "RESPONSE-MATCH-ROLE",
            f"{timepoint} has no case of the role whose masks are compared",
            where=self.subject,
        )

    def _follow(
        self, into: MatchedLedger, tracks: Tracks, baseline: MaskedVisit, name: str, day: str
    ) -> None:
        visit = self._masked(name)
        placed = placed_visit(visit, baseline, self.registrations)
        proposal = propose_visit(tracks, placed, name, self._uids(name))
        head = self._head(name, day)
        into.ledger += [head | row for row in proposal.ledger]
        into.ledger.append(self._no_new(head))
        about = {
            "subject_id": self.subject,
            "timepoint": name,
            "baseline": baseline.case.case_id.split("/")[2],
            "registration_id": placed.link.registration_id,
        }
        into.matches += [about | row for row in proposal.matches]
        into.n_visits += 1

    def _give_up(
        self, into: MatchedLedger, visits: Mapping[str, str], error: BiomarkerError
    ) -> None:
        """Say of a visit that nothing is proposed; its ROIs stand in the ledger as they are."""
        for name, day in visits.items():
            head = self._head(name, day)
            basis = f"proposed: nothing, {error.code}"
            into.ledger += [
                head | {"lesion_id": f"{OPEN}{roi}", "roi_id": roi, "basis": basis}
                for roi in self._rois(name)
            ]
            if name != next(iter(visit_days(self.run, self.subject))):
                into.ledger.append(self._no_new(head))
            into.matches.append(
                {
                    "subject_id": self.subject,
                    "timepoint": name,
                    "kind": "no_proposal",
                    "status": "open",
                    "error_code": error.code,
                    "error_message": error.message,
                }
            )
            into.faults.append((f"{self.subject} {name}", error))

    def _head(self, timepoint: str, day: str) -> Row:
        return {"subject_id": self.subject, "timepoint": timepoint, "date": day}

    def _no_new(self, head: Row) -> Row:
        basis = "proposed: say absent where none is new"
        return head | {"lesion_id": NO_NEW, "role": "new", "basis": basis}

    def _of_visit(self, timepoint: str) -> Iterator[Mapping[str, Any]]:
        cases = [i for i in self.run.cases_of(self.subject, timepoint) if i in self.cases]
        yield from self.run.rois_of(cases)

    def _rois(self, timepoint: str) -> list[str]:
        return sorted({row["roi_id"] for row in self._of_visit(timepoint)})

    def _uids(self, timepoint: str) -> dict[str, str]:
        """Return the tracking UID of each ROI that has one."""
        rows = self._of_visit(timepoint)
        return {row["roi_id"]: uid for row in rows if (uid := str(row.get("tracking_uid") or ""))}
