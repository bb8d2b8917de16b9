"""From a study to case plans: protocols resolved, files found, cohort examined."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from biomarker_cli.acquisition.protocol import AcquisitionProtocol, load_acquisition
from biomarker_cli.acquisition.waivers import WaiverSet, require_known_rules
from biomarker_cli.case.analysis import Analysis, load_analysis
from biomarker_cli.case.plan import CasePlan, ImagePlan
from biomarker_cli.catalogue.catalogue import Catalogue, scan
from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.dicom.files import PlannedFiles
from biomarker_cli.imaging.files import is_image_file
from biomarker_cli.model.errors import BiomarkerError, CaseError
from biomarker_cli.model.inputs import KEPT_BYTES, InputFiles
from biomarker_cli.pet.rules import Override
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.protocol.lock import require_locked
from biomarker_cli.study.case_list import CaseEntry
from biomarker_cli.study.errors import StudyError, unexpected_error
from biomarker_cli.study.in_time import late, too_late
from biomarker_cli.study.integrity import SHARED_FRAME_FLAG, examine_cohort, shared_frames
from biomarker_cli.study.planned import PlannedCase, overrides_of, recall, with_inputs
from biomarker_cli.study.study_file import Study
from biomarker_cli.study.usable_policy import require_known_arguments

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Protocols:
    acquisition: AcquisitionProtocol | None
    analyses: tuple[Analysis, ...]


def plan_study(
    study: Study,
    progress: Progress | None = None,
    index: FileIndex | None = None,
    *,
    verify_inputs: bool = False,
    jobs: int = 1,
    limit_s: float | None = None,
) -> list[PlannedCase]:
    """Return a plan for every case of a study, in the order of its list.

    Parameters
    ----------
    study : Study
    progress : callable, optional
        Called with the number of cases planned and in all.
    index : FileIndex, optional
        What is known of unchanged files; by default that of the user.
    verify_inputs : bool
        Believe nothing that the index knows, neither digests nor headers: files are
        read again before a result is kept.
    jobs : int
        Worker processes, where there is a limit.
    limit_s : float, optional
        Longest time for the index of one case.

    Raises
    ------
    ProtocolError
        Where a protocol is absent or invalid, is not what the study's lock
        holds, or lacks a rule that a waiver names: no case is run then.
    StudyError
        ``STUDY-REGION-RULES`` where the analyses of a role disagree on how
        segmentations become voxels; ``STUDY-PROTOCOL-CLASH`` where two protocols
        share id and version; ``USABLE-POLICY`` where the policy names a rule that none
        of them has.
    """
    protocols = {name: _resolve(name, study) for name in study.model.roles}
    _require_one_content(list(protocols.values()))
    _require_locked(study, protocols.values())
    used = [p.acquisition for p in protocols.values() if p.acquisition is not None]
    require_known_arguments(study.policy, used)
    index = index or FileIndex.of_user()
    if verify_inputs:
        # A header that is not true any more would stand under a digest that is.
        index = index.untrusted()
    reader = PlannedFiles(InputFiles(room_bytes=KEPT_BYTES))
    planner = _Planner(study, protocols, index, reader, _slow(study, jobs, limit_s))
    cases = []
    for done, entry in enumerate(study.entries, start=1):
        cases.append(planner.case(entry))
        if progress is not None:
            progress(done, len(study.entries))
    _require_overrides_used(study, cases)
    cases = _examined(cases, study, index, reader)
    recall([case.plan for case in cases], index, reader.inputs)
    return cases


def _examined(
    cases: Sequence[PlannedCase], study: Study, index: FileIndex, reader: PlannedFiles
) -> list[PlannedCase]:
    """Return the cases with what the cohort finds on them before anything is measured."""
    usable = [case.plan for case in cases if case.refusal is None]
    findings = examine_cohort(usable, index, reader)
    shared = shared_frames([case.plan for case in cases])
    found = []
    for case in cases:
        if case.plan.case_id in shared:
            case = replace(case, flags=case.flags | {SHARED_FRAME_FLAG})
        own = findings.get(case.plan.case_id, ())
        found.append(case.with_findings(own, study.model.integrity))
    return found


class _Planner:
    """Plans cases one after another.

    Each is indexed by itself: a series that was copied to a second folder must be seen
    twice. Cases that share a folder share its index.
    """

    def __init__(
        self,
        study: Study,
        protocols: Mapping[str, _Protocols],
        index: FileIndex,
        reader: PlannedFiles,
        slow: set[tuple[Path, ...]],
    ) -> None:
        self._study = study
        self._protocols = protocols
        self._waivers = _waivers(study, protocols.values())
        self._index = index
        self._reader = reader
        self._slow = slow
        self._found: dict[tuple[str, ...], Catalogue] = {}

    def case(self, entry: CaseEntry) -> PlannedCase:
        """Return the plan of a case; what nobody expected refuses it alone."""
        if _dicom_paths(self._study, entry) in self._slow:
            return self._refused(entry, too_late(entry.case_id))
        try:
            if entry.images not in self._found:
                self._found[entry.images] = self._catalogue(entry)
            return self._planned(entry, self._found[entry.images])
        except BiomarkerError:
            raise
        except Exception as unexpected:  # noqa: BLE001 - the row of its case; others go on
            case = self._refused(entry, unexpected_error(type(unexpected).__name__))
            return replace(case, log=traceback.format_exc())

    def _refused(self, entry: CaseEntry, error: CaseError) -> PlannedCase:
        return self._planned(replace(entry, images=(), mask="", refusal=error), Catalogue(()))

    def _planned(self, entry: CaseEntry, catalogue: Catalogue) -> PlannedCase:
        used = self._protocols[entry.role]
        return _plan_case(self._study, entry, used, catalogue, self._waivers)

    def _catalogue(self, entry: CaseEntry) -> Catalogue:
        present = _dicom_paths(self._study, entry)
        if not present:
            return Catalogue(())
        return scan(present, index=self._index, reader=self._reader)


def _resolve(name: str, study: Study) -> _Protocols:
    try:
        return _load_protocols(name, study)
    except ProtocolError as error:
        # An id has no file to name: the role of the study that asks for it is the place.
        where = error.where or f"study {study.model.id}, role {name}"
        raise ProtocolError(error.code, error.message, where=where, hint=error.hint) from error


def _load_protocols(name: str, study: Study) -> _Protocols:
    role = study.model.roles[name]
    analyses = tuple(load_analysis(_beside(study.root, wanted)) for wanted in role.analyses)
    rules = {analysis.protocol.regions for analysis in analyses}
    if len(rules) > 1:
        raise StudyError(
            "STUDY-REGION-RULES",
            f"the analyses of the role {name!r} differ in their regions section",
            hint="Give each its own role: a region of a case has one definition.",
        )
    wanted = role.acquisition
    acquisition = load_acquisition(_beside(study.root, wanted)) if wanted else None
    return _Protocols(acquisition, analyses)


def _require_one_content(protocols: Sequence[_Protocols]) -> None:
    """Refuse two protocols of one name: their numbers would stand under one id."""
    seen: dict[tuple[str, str], str] = {}
    for used in protocols:
        acquisition = (used.acquisition.document,) if used.acquisition else ()
        for document in (*(a.document for a in used.analyses), *acquisition):
            key = document.header.format, document.ident
            if seen.setdefault(key, document.sha256) != document.sha256:
                raise StudyError(
                    "STUDY-PROTOCOL-CLASH",
                    f"the study names two protocols {document.ident} that differ in content",
                    hint="Give the changed one a version or an id of its own.",
                )


def _require_locked(study: Study, protocols: Iterable[_Protocols]) -> None:
    if not study.model.lock:
        return
    path = study.root / study.model.lock
    for used in protocols:
        if used.acquisition is not None:
            require_locked(path, ProtocolKind.ACQUISITION, used.acquisition.document)
        for analysis in used.analyses:
            require_locked(path, ProtocolKind.ANALYSIS, analysis.document)


def _waivers(study: Study, protocols: Iterable[_Protocols]) -> WaiverSet:
    used = [p.acquisition for p in protocols if p.acquisition is not None]
    require_known_rules(study.waivers, used)
    return WaiverSet(study.waivers, datetime.now(UTC).date())


def _beside(root: Path, wanted: str) -> str:
    """Return a protocol as it is located: a file is named relative to the study root."""
    return str(root / wanted) if wanted.endswith((".yaml", ".yml")) else wanted


def _dicom_paths(study: Study, entry: CaseEntry) -> tuple[Path, ...]:
    paths = (study.root / image for image in entry.images)
    return tuple(path for path in paths if path.exists() and not is_image_file(path))


def _slow(study: Study, jobs: int, limit_s: float | None) -> set[tuple[Path, ...]]:
    """Return the images that cannot be indexed in time; none where there is no limit."""
    if limit_s is None:
        return set()
    return late((_dicom_paths(study, entry) for entry in study.entries), jobs, limit_s)


def _plan_case(
    study: Study,
    entry: CaseEntry,
    protocols: _Protocols,
    catalogue: Catalogue,
    waivers: WaiverSet,
) -> PlannedCase:
    paths = [study.root / image for image in entry.images]
    role = study.model.roles[entry.role]
    plan = CasePlan(
        site_id=entry.site_id,
        subject_id=entry.subject_id,
        timepoint=entry.timepoint,
        role=entry.role,
        images=(
            ImagePlan(
                entry.role,
                catalogue.candidates,
                tuple(path for path in paths if is_image_file(path)),
                entry.series_uid,
                entry.quantity,
            ),
        ),
        mask=study.root / entry.mask if entry.mask else None,
        analyses=protocols.analyses,
        acquisition=protocols.acquisition,
        wanted_rois=entry.rois or role.rois,
        roi_names=study.model.rois,
        on_violation=study.model.on_violation,
        other_frame_of_reference=entry.other_frame_of_reference,
        form=entry.form,
        overrides=overrides_of(catalogue.candidates, study.overrides),
        device_key=study.device_key,
    )
    plan = replace(plan, waivers=_waivers_of(plan, waivers))
    if entry.refusal is not None:
        return PlannedCase(plan, entry.refusal)
    for name in filter(None, (*entry.images, entry.mask)):
        if not (study.root / name).exists():
            refusal = CaseError(
                "CASE-FILE-NOT-FOUND",
                f"no such file or folder: {Path(name).name if Path(name).is_absolute() else name}",
                hint="Paths are relative to the folder of the study file.",
            )
            return PlannedCase(plan, refusal)
    signatures = {Path(path): found for path, found in catalogue.signatures.items()}
    return with_inputs(plan, signatures)


def _waivers_of(plan: CasePlan, waivers: WaiverSet) -> WaiverSet | None:
    """Return the waivers that can speak of a case, None where none does."""
    if plan.acquisition is None:
        return None
    found = waivers.concerning(plan.acquisition, {c.series_uid for c in plan.volumes})
    return found if found.waivers else None


def _require_overrides_used(study: Study, cases: Sequence[PlannedCase]) -> None:
    used = {override for case in cases for override in _identities(case.plan.overrides)}
    unused = sorted(set(_identities(study.overrides)) - used)
    if unused:
        raise StudyError(
            "OVERRIDE-UNUSED",
            f"overrides name series or studies that no case has: {', '.join(unused)}",
            hint="Correct their UIDs: an override that is not applied would be silent.",
        )


def _identities(overrides: Sequence[Override]) -> list[str]:
    return [f"{o.tag} of {o.series_uid or o.study_uid}" for o in overrides]
