"""Survey: what a run knows of a case without its plan.

A plan holds every slice of its images; of a study of thousands of cases no more than a
few stand in memory at once. What the cohort is examined for, and what is due, is decided
by surveys, which are a few hundred bytes each.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.catalogue.pseudonyms import Person
from biomarker_cli.catalogue.records import json_text
from biomarker_cli.model.errors import BiomarkerError, CaseError
from biomarker_cli.model.inputs import FileSignature
from biomarker_cli.study.keys import key_parts, names_key, sha256_of_json, volumes_key

if TYPE_CHECKING:
    from collections.abc import Collection

    from biomarker_cli.case.plan import CasePlan
    from biomarker_cli.study.planned import PlannedCase

# Frames that DICOM itself defines, such as atlases (PS3.6, table A-2): anybody may name them.
_WELL_KNOWN_FRAMES = "1.2.840.10008.1.4."

_File = tuple[str, int, int, int, int]
"""Path and signature."""

Refusal = tuple[str, str, str, str]
"""Code, message, where and hint."""


_TUPLES = (
    "rois",
    "analyses",
    "flags",
    "persons",
    "mask_patients",
    "studies",
    "frames",
    "overrides",
    "waivers",
    "others",
)
"""Fields that JSON gives back as lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A case as the cohort sees it.

    Attributes
    ----------
    site_id, subject_id, timepoint, role : str
    image : str
        Name of the primary image.
    rois : tuple of str
        Those that must have a row.
    analyses : tuple of str
        ``id@version``.
    refusal : tuple of str or None
        Why planning refused the case.
    flags : tuple of str
        What planning found on it that a stored result does not hold.
    log : str
        Traceback of an unexpected error.
    persons, mask_patients : tuple of str
        Keys of the persons in the headers of the images (`Person.key`), and the digests
        of the PatientIDs in those of the segmentation.
    height_m, weight_kg : float or None
    date : str
        Of the first image.
    studies, frames : tuple of str
        StudyInstanceUIDs, and FrameOfReferenceUIDs that are not those of DICOM itself.
    mask_source : str
        Id of the case whose mask is carried to the image; empty for none.
    has_images : bool
        Whether DICOM says anything of whose image it is.
    overrides : tuple of str
        Header values that a person answers for, as the study names them.
    waivers : tuple of dict
        Accepted deviations that may speak of the case.
    n_files : int
        How many files it is measured from.
    files : str
        Digest of their paths and signatures.
    others : tuple
        Path and signature of those that the list of cases does not lead to: a header
        names them.
    parts : dict
        What its result hangs on (`key_parts`); empty where a file has not been read.
    names : str
        `names_key` of its plan.
    volumes : str
        Digest of what the catalogue made of its files.
    """

    site_id: str
    subject_id: str
    timepoint: str
    role: str
    image: str
    rois: tuple[str, ...] = ()
    analyses: tuple[str, ...] = ()
    refusal: Refusal | None = None
    flags: tuple[str, ...] = ()
    log: str = ""
    persons: tuple[str, ...] = ()
    mask_patients: tuple[str, ...] = ()
    height_m: float | None = None
    weight_kg: float | None = None
    date: str = ""
    dates_modified: str = ""
    studies: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    mask_source: str = ""
    has_images: bool = False
    overrides: tuple[str, ...] = ()
    waivers: tuple[dict[str, Any], ...] = ()
    n_files: int = 0
    files: str = ""
    others: tuple[_File, ...] = ()
    parts: dict[str, Any] = field(default_factory=dict)
    names: str = ""
    volumes: str = ""

    @property
    def case_id(self) -> str:
        """site/subject/timepoint/role."""
        return "/".join((self.site_id, self.subject_id, self.timepoint, self.role))

    @property
    def subject(self) -> tuple[str, str]:
        """Site and subject."""
        return self.site_id, self.subject_id

    @property
    def visit(self) -> tuple[str, str, str]:
        """Site, subject and timepoint."""
        return self.site_id, self.subject_id, self.timepoint

    @property
    def patient_ids(self) -> frozenset[str]:
        """Digests of the PatientIDs that are given: an empty one is nobody's."""
        return frozenset(Person.of_key(key).patient_id for key in self.persons) - {""}

    @property
    def error(self) -> CaseError | None:
        """Why planning refused the case."""
        return None if self.refusal is None else error_of(self.refusal)

    def to_json(self) -> str:
        """Return it as it is kept."""
        said = {name: getattr(self, name) for name in _FIELDS}
        return json_text(said)

    @classmethod
    def from_json(cls, text: str) -> Survey:
        """Return what `to_json` gave."""
        found = json.loads(text)
        for name in _TUPLES:
            found[name] = tuple(found[name])
        return cls(**found)

    @property
    def is_current(self) -> bool:
        """Whether the files that only a header names are as they were."""
        try:
            return all(FileSignature.of(Path(p).stat()) == tuple(s) for p, *s in self.others)
        except OSError:
            return False

    def is_of(self, case: PlannedCase) -> bool:
        """Tell whether a plan that was made again is the one that was surveyed."""
        return (
            case.refusal is None
            and self.files == sha256_of_json(_files(case.plan))
            and self.volumes == _volumes(case.plan)
        )


_FIELDS = tuple(one.name for one in fields(Survey))


def survey_of(
    case: PlannedCase, mask_patients: Collection[str] = (), listed: Collection[str] = ()
) -> Survey:
    """Return the survey of a case.

    Parameters
    ----------
    case : PlannedCase
        With what is known of its files.
    mask_patients : collection of str
        Digests of the PatientIDs in its segmentation.
    listed : collection of str
        Paths of the files that the list of cases leads to.
    """
    plan = case.plan
    files = _files(plan)
    images = plan.volumes
    first = images[0].visit if images else None
    return Survey(
        site_id=plan.site_id,
        subject_id=plan.subject_id,
        timepoint=plan.timepoint,
        role=plan.role,
        image=plan.primary.name,
        rois=plan.wanted_rois,
        analyses=tuple(analysis.ident for analysis in plan.analyses),
        refusal=None if case.refusal is None else refusal_of(case.refusal),
        flags=tuple(sorted(case.flags)),
        log=case.log,
        persons=tuple(sorted({key for c in images for key in c.patient_keys})),
        mask_patients=tuple(sorted(mask_patients)),
        mask_source=plan.carried.source.case_id if plan.carried else "",
        height_m=first.height_m if first else None,
        weight_kg=first.weight_kg if first else None,
        date=first.date if first else "",
        dates_modified=first.dates_modified if first else "",
        studies=tuple(sorted({c.study_uid for c in images} - {""})),
        frames=tuple(sorted(filter(_tells, {c.frame_of_reference_uid for c in images}))),
        has_images=bool(images),
        overrides=tuple(o.identity for o in plan.overrides),
        waivers=() if plan.waivers is None else tuple(plan.waivers.canonical()),
        n_files=len(plan.input_paths),
        files=sha256_of_json(files),
        others=tuple(file for file in files if file[0] not in listed),
        parts=_parts(plan) if case.refusal is None else {},
        names=names_key(plan),
        volumes=_volumes(plan),
    )


def _tells(frame: str) -> bool:
    return bool(frame) and not frame.startswith(_WELL_KNOWN_FRAMES)


def sop_instances(plan: CasePlan) -> set[str]:
    """Return the SOPInstanceUIDs of the images of a case."""
    return {ref.sop_instance_uid for c in plan.volumes for ref in c.refs} - {""}


def _parts(plan: CasePlan) -> dict[str, Any]:
    known = {path: plan.inputs.known_digest(path) for path in plan.input_paths}
    read = {path: found for path, found in known.items() if found is not None}
    return key_parts(plan, read) if len(read) == len(known) else {}


def _files(plan: CasePlan) -> list[_File]:
    known = plan.inputs.known
    return [(str(path), *known[path].signature) for path in plan.input_paths if path in known]


def is_settled(plan: CasePlan) -> bool:
    """Tell whether another change of a file of a case would show."""
    return all(file.signature.is_settled for file in plan.inputs.known.values())


def _volumes(plan: CasePlan) -> str:
    return sha256_of_json([[image.name, volumes_key(image)] for image in plan.images])


def refusal_of(error: BiomarkerError) -> Refusal:
    """Return an error as it is kept."""
    return error.code, error.message, error.where, error.hint


def error_of(refusal: Refusal) -> CaseError:
    """Return the error that was kept."""
    code, message, where, hint = refusal
    return CaseError(code, message, where=where, hint=hint)
