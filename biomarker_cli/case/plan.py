"""CasePlan: all that one case needs to be measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from biomarker_cli.model.inputs import InputFiles

if TYPE_CHECKING:
    # A plan holds what these rooms made; a case that needs one of them has it loaded.
    from biomarker_cli.acquisition.protocol import AcquisitionProtocol
    from biomarker_cli.acquisition.waivers import WaiverSet
    from biomarker_cli.case.analysis import Analysis
    from biomarker_cli.catalogue.candidate import VolumeCandidate
    from biomarker_cli.pet.rules import ClinicalForm, Override
    from biomarker_cli.regions.rules import RoiNames

OnViolation = Literal["flag", "exclude"]


@dataclass(frozen=True)
class CasePlan:
    """Subject x timepoint x image, and how it is to be measured.

    Attributes
    ----------
    site_id, subject_id, timepoint, role : str
        Identifiers that the study assigned; never a PatientID.
    candidates : tuple of VolumeCandidate
        What the catalogue found below the image path; empty for other formats.
    image_files : tuple of Path
        NIfTI, NRRD or MHA files.
    series : str
        SeriesInstanceUID or volume id, where the path holds several.
    mask : Path or None
    wanted_rois : tuple of str
        ROI names that must have a row; empty means all.
    roi_names : RoiNames or None
        The study's map from site names to canonical ones.
    quantity : str
        Declared quantity of files without header facts.
    acquisition : AcquisitionProtocol or None
    analyses : tuple of Analysis
    on_violation : str
        ``flag`` or ``exclude``.
    other_frame_of_reference : bool
        The study says that a mask of another frame of reference fits.
    form : ClinicalForm or None
        Values of the case report form.
    overrides : tuple of Override
        Header values of this image that a person answers for.
    waivers : WaiverSet or None
        Deviations of this image that the study accepts.
    flags : frozenset of str
        What is known of the case before it is measured: every row of it carries them.
    device_key : bytes or None
        Names of scanners leave as digests with this key; None by the study's choice
        to keep them.
    input_paths : tuple of Path
        The files it is measured from: image in the order of its slices, segmentation.
    inputs : InputFiles
        What is known of them, and what planning kept of their bytes.
    """

    site_id: str
    subject_id: str
    timepoint: str
    role: str
    candidates: tuple[VolumeCandidate, ...]
    image_files: tuple[Path, ...]
    mask: Path | None
    analyses: tuple[Analysis, ...]
    acquisition: AcquisitionProtocol | None = None
    series: str = ""
    wanted_rois: tuple[str, ...] = ()
    roi_names: RoiNames | None = None
    quantity: str = ""
    on_violation: OnViolation = "flag"
    other_frame_of_reference: bool = False
    form: ClinicalForm | None = None
    overrides: tuple[Override, ...] = ()
    waivers: WaiverSet | None = None
    flags: frozenset[str] = frozenset()
    device_key: bytes | None = field(default=None, repr=False)
    input_paths: tuple[Path, ...] = ()
    inputs: InputFiles = field(default_factory=InputFiles, compare=False, repr=False)

    @property
    def case_id(self) -> str:
        """site/subject/timepoint/role."""
        return "/".join((self.site_id, self.subject_id, self.timepoint, self.role))

    @property
    def subject(self) -> str:
        """site/subject: whose image it is, whatever the header says."""
        return f"{self.site_id}/{self.subject_id}"

    @property
    def images(self) -> tuple[VolumeCandidate, ...]:
        """Image volumes that the case speaks of; its folder may hold other series."""
        return tuple(
            c
            for c in self.candidates
            if c.is_image and (not self.series or c.is_called(self.series))
        )
