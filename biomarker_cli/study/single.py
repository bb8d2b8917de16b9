"""One case without a study file: what ``biomarker extract`` runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.case.plan import CasePlan, ImagePlan
from biomarker_cli.catalogue.pseudonyms import user_key
from biomarker_cli.imaging.files import is_image_file
from biomarker_cli.model.errors import ConfigurationError, InputNotFoundError
from biomarker_cli.model.inputs import KEPT_BYTES, FileSignature, InputFiles
from biomarker_cli.study.planned import PlannedCase, overrides_of, with_inputs

if TYPE_CHECKING:
    from biomarker_cli.catalogue.candidate import VolumeCandidate
    from biomarker_cli.model.errors import CaseError
    from biomarker_cli.pet.rules import Override


class _Indexed(NamedTuple):
    """What lies in the folders of a case, and a way to see whether it fits together."""

    candidates: tuple[VolumeCandidate, ...]
    signatures: dict[Path, FileSignature]
    examine: Callable[[CasePlan], Sequence[CaseError]]


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
    """

    measure: str
    images: tuple[Path, ...]
    mask: Path
    analysis: str
    series: str = ""
    quantity: str | None = None
    rois: tuple[str, ...] = ()
    overrides: Path | None = None


def plan_single(
    single: SingleCase, progress: Callable[[int, int], None] | None = None
) -> PlannedCase:
    """Return the plan of one case; its id is ``local/S0001/T1/<role>``.

    Raises
    ------
    ConfigurationError
        ``ANALYSIS-MEASURE`` where the analysis measures something else.
    InputNotFoundError
        ``PATH-NOT-FOUND``.
    """
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
    if single.quantity and not files:
        raise ConfigurationError(
            "QUANTITY-UNUSED",
            "--quantity is for files without header: DICOM says what its numbers mean",
            hint="Leave it out, or name a NIfTI, NRRD or MHA image.",
        )
    kept = InputFiles(room_bytes=KEPT_BYTES)
    candidates, signatures, examine = _index(folders, progress, kept)
    overrides = _overrides(single.overrides)
    role = analysis.room.CASE_ROLE
    plan = CasePlan(
        site_id="local",
        subject_id="S0001",
        timepoint="T1",
        role=role,
        images=(ImagePlan(role, candidates, files, single.series, single.quantity or ""),),
        mask=single.mask,
        analyses=(analysis,),
        wanted_rois=single.rois,
        overrides=overrides_of(candidates, overrides),
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
    return case.with_findings(examine(case.plan), "refuse")


def _index(
    folders: Sequence[Path], progress: Callable[[int, int], None] | None, kept: InputFiles
) -> _Indexed:
    """Return what lies in folders; an image file of another format needs no catalogue."""
    if not folders:
        return _Indexed((), {}, lambda _plan: ())
    from biomarker_cli.catalogue.catalogue import scan
    from biomarker_cli.catalogue.index import FileIndex
    from biomarker_cli.dicom.files import PlannedFiles
    from biomarker_cli.study.integrity import examine_cohort

    index, reader = FileIndex.of_user(), PlannedFiles(kept)
    catalogue = scan(folders, progress, index, reader)
    return _Indexed(
        catalogue.candidates,
        {Path(path): found for path, found in catalogue.signatures.items()},
        lambda plan: examine_cohort([plan], index, reader).get(plan.case_id, ()),
    )


def _overrides(path: Path | None) -> tuple[Override, ...]:
    if not path:
        return ()
    from biomarker_cli.pet.overrides import load_overrides

    return load_overrides(path)
