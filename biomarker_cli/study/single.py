"""One case without a study file: what ``biomarker extract`` runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.case.plan import CasePlan, ImagePlan
from biomarker_cli.catalogue.pseudonyms import user_key
from biomarker_cli.imaging.files import is_image_file
from biomarker_cli.imaging.image_words import require_used
from biomarker_cli.model.errors import ConfigurationError, InputNotFoundError
from biomarker_cli.model.inputs import KEPT_BYTES, FileSignature, InputFiles
from biomarker_cli.model.wording import quoted
from biomarker_cli.study.case_names import problem_of_given_id
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.planned import PlannedCase, overrides_of_one, with_inputs
from biomarker_cli.study.sources import NO_MARK, Mark, RoleProtocols

if TYPE_CHECKING:
    from biomarker_cli.catalogue.candidate import VolumeCandidate
    from biomarker_cli.catalogue.index import FileIndex
    from biomarker_cli.pet.rules import Override


class _Indexed(NamedTuple):
    """What lies in the folders of a case, and a way to see whose its segmentation is."""

    candidates: tuple[VolumeCandidate, ...]
    signatures: dict[Path, FileSignature]
    mask_patients: Callable[[Path | None], set[str]]


@dataclass(frozen=True)
class PlannedSingle:
    """A case without a study; a `CaseSource` of this one.

    Attributes
    ----------
    case : PlannedCase
    patients : frozenset of str
        Digests of the PatientIDs that its segmentation names.
    index : FileIndex or None
        It is kept by nobody.
    overrides : tuple of str
    """

    case: PlannedCase
    patients: frozenset[str] = frozenset()
    index: FileIndex | None = None
    overrides: tuple[str, ...] = ()

    @property
    def protocols(self) -> dict[str, RoleProtocols]:
        """What it is measured by, by its role."""
        plan = self.case.plan
        return {plan.role: RoleProtocols(plan.acquisition, plan.analyses)}

    def __len__(self) -> int:
        """Return 1."""
        return 1

    def case_ids(self) -> Iterable[str]:
        """Yield the id of the case."""
        yield self.case.plan.case_id

    def mark(self, place: int) -> Mark:
        """Return what says nothing: a case without a study is looked at each time."""
        del place
        return NO_MARK

    def planned(self, place: int) -> PlannedCase:
        """Return the case."""
        del place
        return self.case

    def is_lasting(self, place: int) -> bool:
        """Return False: nothing of it is kept."""
        del place
        return False

    def mask_patients(self, plan: CasePlan) -> set[str]:
        """Return the digests of the PatientIDs that its segmentation names."""
        del plan
        return set(self.patients)

    def keep(self, place: int, case: PlannedCase) -> None:
        """Keep nothing: it is there."""

    def end_of_survey(self) -> None:
        """Let go of nothing."""


@dataclass(frozen=True)
class SingleCase:
    """What the command line says of one case.

    Attributes
    ----------
    measure : str
        Name in the table of measures.
    images : tuple of Path
    mask : Path
    analysis : str
        ``id[@version]`` or a path.
    series : str
    quantity : str or None
        Declared quantity of an image file without header.
    rois : tuple of str
    overrides : Path or None
        Audited override file of header values.
    subject, timepoint, site : str
        What the case is called by.
    """

    measure: str
    images: tuple[Path, ...]
    mask: Path
    analysis: str
    series: str = ""
    quantity: str | None = None
    rois: tuple[str, ...] = ()
    overrides: Path | None = None
    subject: str = "S0001"
    timepoint: str = "T1"
    site: str = "local"


def plan_single(
    single: SingleCase, progress: Callable[[int, int], None] | None = None
) -> PlannedSingle:
    """Return the plan of one case; its id is ``site/subject/timepoint/<role>``.

    Raises
    ------
    ConfigurationError
        ``ANALYSIS-MEASURE`` where the analysis measures something else; ``CASE-NAME``
        where subject, timepoint or site cannot name files; ``IMAGE-MIXED``,
        ``QUANTITY-UNUSED``, ``SERIES-UNUSED``.
    InputNotFoundError
        ``PATH-NOT-FOUND``.
    StudyError
        ``OVERRIDE-UNUSED``.
    """
    _require_names(single)
    analysis = load_analysis(single.analysis)
    if analysis.protocol.measure != single.measure:
        raise ConfigurationError(
            "ANALYSIS-MEASURE",
            f"{analysis.ident} measures {analysis.protocol.measure}, not {single.measure}",
            hint=f"Use `biomarker extract {analysis.protocol.measure}`.",
        )
    for path in (*single.images, single.mask):
        if not path.exists():
            raise InputNotFoundError(
                "PATH-NOT-FOUND", f"no such file or folder: {path}", hint="Check the spelling."
            )
    files = tuple(path for path in single.images if is_image_file(path))
    folders = [path for path in single.images if path not in files]
    require_used(single.images, single.series, single.quantity or None)
    kept = InputFiles(room_bytes=KEPT_BYTES)
    candidates, signatures, patients_of = _index(folders, progress, kept)
    overrides = _overrides(single.overrides)
    role = analysis.room.CASE_ROLE
    plan = CasePlan(
        site_id=single.site,
        subject_id=single.subject,
        timepoint=single.timepoint,
        role=role,
        images=(ImagePlan(role, candidates, files, single.series, single.quantity or ""),),
        mask=single.mask,
        analyses=(analysis,),
        wanted_rois=single.rois,
        overrides=overrides_of_one(candidates, overrides),
        device_key=user_key() if candidates else None,
    )
    if not files and not any(c.is_image for c in plan.candidates):
        raise InputNotFoundError(
            "IMAGE-NOT-FOUND",
            f"no DICOM image below {', '.join(map(str, single.images))}",
            hint="`biomarker scan PATH` lists what is there and why it was refused.",
        )
    case = with_inputs(plan, signatures)
    case.plan.inputs.take_over(kept)
    return PlannedSingle(case, frozenset(patients_of(single.mask)))


def _require_names(single: SingleCase) -> None:
    for option, name in (
        ("subject", single.subject),
        ("timepoint", single.timepoint),
        ("site", single.site),
    ):
        problem = problem_of_given_id(name)
        if problem:
            raise StudyError(
                "CASE-NAME",
                f"--{option} is {quoted(name)}: {problem}",
                hint="Choose another name; a PatientID is none.",
            )


def _index(
    folders: Sequence[Path], progress: Callable[[int, int], None] | None, kept: InputFiles
) -> _Indexed:
    """Return what lies in folders; an image file of another format needs no catalogue."""
    if not folders:
        return _Indexed((), {}, lambda _mask: set())
    from biomarker_cli.catalogue.catalogue import scan
    from biomarker_cli.catalogue.index import FileIndex
    from biomarker_cli.dicom.files import PlannedFiles
    from biomarker_cli.study.mask_patients import mask_patients

    index, reader = FileIndex.of_user(), PlannedFiles(kept)
    catalogue = scan(folders, progress, index, reader)
    return _Indexed(
        catalogue.candidates,
        {Path(path): found for path, found in catalogue.signatures.items()},
        lambda mask: mask_patients(mask, index, reader),
    )


def _overrides(path: Path | None) -> tuple[Override, ...]:
    if not path:
        return ()
    from biomarker_cli.pet.overrides import load_overrides

    return load_overrides(path)
