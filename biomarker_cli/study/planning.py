"""From a study to case plans, one at a time: files found, and what is known of them."""

from __future__ import annotations

import hashlib
import marshal
import traceback
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path

from biomarker_cli.acquisition.protocol import AcquisitionProtocol
from biomarker_cli.acquisition.waivers import WaiverSet
from biomarker_cli.case.plan import CasePlan, ImagePlan
from biomarker_cli.catalogue.catalogue import Catalogue, scan
from biomarker_cli.catalogue.files import find_files
from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.dicom.files import PlannedFiles
from biomarker_cli.model.errors import BiomarkerError, CaseError
from biomarker_cli.model.inputs import KEPT_BYTES, FileSignature, InputFiles
from biomarker_cli.model.version import code_digest
from biomarker_cli.regions.label_images import label_table_of
from biomarker_cli.study.case_list import CaseEntry
from biomarker_cli.study.errors import unexpected_error
from biomarker_cli.study.in_time import late, too_late
from biomarker_cli.study.keys import canonical, sha256_of_json
from biomarker_cli.study.mask_patients import mask_patients
from biomarker_cli.study.mask_sources import without_files
from biomarker_cli.study.named_files import NamedFiles
from biomarker_cli.study.other_planning import OtherCases, image_plan
from biomarker_cli.study.passports import with_passports
from biomarker_cli.study.planned import PlannedCase, overrides_of, recall, unreadable, with_inputs
from biomarker_cli.study.sources import NO_MARK, Mark, RoleProtocols
from biomarker_cli.study.study_file import Study
from biomarker_cli.study.study_key import fingerprint
from biomarker_cli.study.study_protocols import resolve_protocols, resolve_waivers

_KEPT_SLICES = 15_000
"""Plans are kept for those who measure, up to so many slices (1 kB each)."""

_SLICES_OF_A_PLAN = 1
"""A plan without its slices takes as much as so many: of an image and a mask file 2.5 kB."""

_KEPT_CATALOGUES = 4
"""Cases that share a folder stand beside each other in most lists."""

_PLAIN = 2
"""Version of marshal that writes equal values alike, whether they are one object or not."""

_KEPT_READS = 10_000
"""What planning knows of files stays in memory, up to so many (1 kB each)."""


class StudyPlanner:
    """Plans the cases of a study, each when it is asked for.

    Each is indexed by itself: a series that was copied to a second folder must be seen
    twice. Cases that share a folder share its index.

    Parameters
    ----------
    study : Study
    index : FileIndex, optional
        What is known of unchanged files; by default that of the user.
    verify_inputs : bool
        Believe nothing that the index knows, neither digests nor headers: files are
        read again before a result is kept.
    jobs : int
        Worker processes, where there is a limit.
    limit_s : float, optional
        Longest time for the index of one case.
    is_part : bool
        Whether other cases of the study are planned elsewhere, of which overrides may be.

    Raises
    ------
    ProtocolError, StudyError
        Where the protocols or waivers of the study cannot be used: no case is run then.
    """

    def __init__(
        self,
        study: Study,
        index: FileIndex | None = None,
        *,
        verify_inputs: bool = False,
        jobs: int = 1,
        limit_s: float | None = None,
        is_part: bool = False,
    ) -> None:
        self._study = study
        self._is_part = is_part
        self.protocols = resolve_protocols(study)
        self.waivers = resolve_waivers(study, self.protocols)
        index = index or FileIndex.of_user()
        # A header that is not true any more would stand under a digest that is.
        self.index = index.untrusted() if verify_inputs else index
        self._reader = PlannedFiles(InputFiles(room_bytes=KEPT_BYTES))
        self._slow = _slow(study, jobs, limit_s)
        self._catalogues: OrderedDict[tuple[str, ...], Catalogue] = OrderedDict()
        self._kept: dict[int, PlannedCase] = {}
        self._kept_slices = 0
        self._marks_of_roles: dict[str, str] = {}
        self._named = NamedFiles(study.root)
        self._looked_at: int | None = None
        self._others = OtherCases(study, self._named, self._catalogue, self.protocols, self.waivers)

    @property
    def overrides(self) -> tuple[str, ...]:
        """The header values that a person answers for, each by its name."""
        if self._is_part:
            return ()
        return tuple(override.identity for override in self._study.overrides)

    def case_ids(self) -> Iterable[str]:
        """Yield the ids of the cases, in the order of their list."""
        return (entry.case_id for entry in self._study.entries)

    def __len__(self) -> int:
        """Return how many cases there are."""
        return len(self._study.entries)

    def mark(self, place: int) -> Mark:
        """Return a digest of all that the survey of a case is made of, without a look into files.

        Empty where planning says what is wrong with it.
        """
        entry = self._study.entries[place]
        if entry.refusal is not None or not self.index.is_trusted:
            return NO_MARK
        self._look_anew_at(place)
        try:
            others = self._others.of(entry)
            named = [name for one in (entry, *others) for name in (*one.images, one.mask)]
            named += [name for name, _ in self._others.files_named(entry)]
            files = [self._named.of(name) for name in dict.fromkeys(named) if name]
            seen = [
                (str(file.path), *file.signature)
                for file in files
                if file.is_image or not file.is_folder
            ]
            for one in (entry, *others):
                seen += self._beside_mask(one)
            folders = [_dicom_paths(self._named, one) for one in (entry, *others)]
            found = find_files(tuple(dict.fromkeys(chain.from_iterable(folders))))
        except (BiomarkerError, OSError):
            return NO_MARK
        if found.problems:
            return NO_MARK
        seen += [(file.path, *file.signature) for file in found.files]
        rows = "".join(map(repr, (entry, *others)))
        roles = dict.fromkeys(one.role for one in (entry, *others))
        marks = "".join(map(self._mark_of_role, roles))
        said = f"{marks}{rows}{self._others.acceptance_of(entry) or ''}"
        digest = hashlib.sha256(said.encode("utf-8", "surrogatepass"))
        digest.update(marshal.dumps(seen, _PLAIN))
        return Mark(digest.hexdigest(), frozenset(file[0] for file in seen))

    def _beside_mask(self, entry: CaseEntry) -> list[tuple[str, int, int, int, int]]:
        """Return what is read for lying beside a mask: no header or list says that it is there."""
        mask = self._named.of(entry.mask) if entry.mask else None
        table = label_table_of(mask.path) if mask is not None and mask.is_image else None
        return [] if table is None else [(str(table), *FileSignature.of(table.stat()))]

    def _look_anew_at(self, place: int | None) -> None:
        """Forget what was seen of the files of another case."""
        self._named.forget()
        self._looked_at = place

    def _mark_of_role(self, role: str) -> str:
        found = self._marks_of_roles.get(role)
        if found is None:
            used, model = self.protocols[role], self._study.model
            found = self._marks_of_roles[role] = sha256_of_json(
                [
                    code_digest(),
                    self.index.name,
                    model.model_dump(mode="json", exclude={"title", "cases", "lock"}),
                    fingerprint(self._study.key),
                    canonical(used.acquisition),
                    [canonical(analysis) for analysis in used.analyses],
                    [[n, one.document.sha256] for n, one in sorted(used.registrations.items())],
                    [canonical(override) for override in self._study.overrides],
                    self.waivers.canonical(),
                    self._study.passports.digest if self._study.passports else "",
                ]
            )
        return found

    def planned(self, place: int) -> PlannedCase:
        """Return the plan of a case, with what is known of its files."""
        kept = self._kept.pop(place, None)
        if kept is not None:
            self._kept_slices -= _slices_of(kept)
            return kept
        if self._looked_at != place:
            self._look_anew_at(place)
        case = self._case(self._study.entries[place])
        self._look_anew_at(None)
        recall(case.plan, self.index, self._reader.inputs)
        self._reader.inputs.forget_beyond(_KEPT_READS)
        return case

    def keep(self, place: int, case: PlannedCase) -> None:
        """Keep a plan until it is asked for again, as far as there is room."""
        if case.refusal is not None:
            return  # nobody asks for it, and it has no slices to count
        slices = _slices_of(case)
        if self._kept_slices + slices <= _KEPT_SLICES:
            self._kept[place] = case
            self._kept_slices += slices

    def is_lasting(self, place: int) -> bool:
        """Tell whether planning a case again, while no file changes, gives the same."""
        entry = self._study.entries[place]
        rows = (entry, *self._others.of(entry))
        found = (self._catalogues.get(one.images) for one in rows)
        return all(one is None or one.is_lasting for one in found)

    def end_of_survey(self) -> None:
        """Let go of what was read for the survey; the plans that are kept hold their own."""
        self._reader = PlannedFiles(InputFiles())
        self._catalogues.clear()

    def mask_patients(self, plan: CasePlan) -> set[str]:
        """Return the digests of the PatientIDs that the segmentation of a case names."""
        mask = plan.carried.source.mask if plan.carried else plan.mask
        return mask_patients(mask, self.index, self._reader)

    def _case(self, entry: CaseEntry) -> PlannedCase:
        """Return the plan of a case; what nobody expected refuses it alone."""
        if self._slow:
            rows = (entry, *self._others.of(entry))
            if any(_dicom_paths(self._named, one) in self._slow for one in rows):
                return self._refused(entry, too_late(entry.case_id))
        try:
            return self._planned(entry, self._catalogue(entry))
        except BiomarkerError:
            raise
        except OSError as error:
            return self._refused(entry, unreadable(error))
        except Exception as unexpected:  # noqa: BLE001 - the row of its case; others go on
            case = self._refused(entry, unexpected_error(type(unexpected).__name__))
            return replace(case, log=traceback.format_exc())

    def _refused(self, entry: CaseEntry, error: CaseError) -> PlannedCase:
        return self._planned(without_files(entry, error), Catalogue(()))

    def _planned(self, entry: CaseEntry, catalogue: Catalogue) -> PlannedCase:
        used = self.protocols[entry.role]
        case = self._plan_case(entry, used, catalogue)
        return with_passports(case, self._study.passports)

    def _plan_case(
        self, entry: CaseEntry, protocols: RoleProtocols, catalogue: Catalogue
    ) -> PlannedCase:
        study = self._study
        role = study.model.roles[entry.role]
        image = image_plan(self._named, entry, catalogue, entry.role)
        plan = CasePlan(
            site_id=entry.site_id,
            subject_id=entry.subject_id,
            timepoint=entry.timepoint,
            role=entry.role,
            images=(image,),
            mask=self._named.of(entry.mask).path if entry.mask else None,
            analyses=protocols.analyses,
            acquisition=protocols.acquisition,
            wanted_rois=entry.rois or role.rois,
            roi_names=study.model.rois,
            on_violation=study.model.on_violation,
            other_frame_of_reference=entry.other_frame_of_reference,
            form=entry.form,
            overrides=overrides_of(catalogue.candidates, study.overrides),
            waivers=_waivers_of(protocols.acquisition, image, self.waivers),
            device_key=study.device_key,
        )
        refusal = entry.refusal or self._missing_file(entry)
        if refusal is not None:
            return PlannedCase(plan, refusal)
        plan = self._others.added(plan, entry)
        found = self._named.signatures
        for one in (entry, *self._others.of(entry)):
            indexed = self._catalogue(one).signatures
            found |= {Path(path): signature for path, signature in indexed.items()}
        return with_inputs(plan, found)

    def _missing_file(self, entry: CaseEntry) -> CaseError | None:
        """Return the error of a file that is named and is not there."""
        named = [(name, entry.case_id) for name in (*entry.images, entry.mask) if name]
        for name, case_id in [*named, *self._others.files_named(entry)]:
            if self._named.of(name).status is None:
                whose = "" if case_id == entry.case_id else f", of {case_id}"
                shown = Path(name).name if Path(name).is_absolute() else name
                return CaseError(
                    "CASE-FILE-NOT-FOUND",
                    f"no such file or folder: {shown}{whose}",
                    hint="Paths are relative to the folder of the study file.",
                )
        return None

    def _catalogue(self, entry: CaseEntry) -> Catalogue:
        found = self._catalogues.get(entry.images)
        if found is None:
            present = _dicom_paths(self._named, entry)
            found = Catalogue(())
            if present:
                found = scan(present, index=self.index, reader=self._reader)
            self._catalogues[entry.images] = found
            if len(self._catalogues) > _KEPT_CATALOGUES:
                self._catalogues.popitem(last=False)
        return found


def _slices_of(case: PlannedCase) -> int:
    return _SLICES_OF_A_PLAN + len(case.plan.input_paths)


def _dicom_paths(named: NamedFiles, entry: CaseEntry) -> tuple[Path, ...]:
    files = (named.of(image) for image in entry.images)
    return tuple(file.path for file in files if file.is_dicom)


def _slow(study: Study, jobs: int, limit_s: float | None) -> set[tuple[Path, ...]]:
    """Return the images that cannot be indexed in time; none where there is no limit."""
    if limit_s is None:
        return set()
    sources = {entry.mask_from for entry in study.entries}
    every = study.model.same_frame_check is not None
    needed = (one for one in study.listed if every or one.case_id in sources)
    rows, named = chain(study.entries, needed), NamedFiles(study.root)
    return late((_dicom_paths(named, entry) for entry in rows), jobs, limit_s)


def _waivers_of(
    acquisition: AcquisitionProtocol | None, image: ImagePlan, waivers: WaiverSet
) -> WaiverSet | None:
    """Return the waivers that can speak of a case, None where none does."""
    if acquisition is None:
        return None
    found = waivers.concerning(acquisition, {c.series_uid for c in image.volumes})
    return found if found.waivers else None
