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
    from biomarker_cli.case.keeping import KeepOrder
    from biomarker_cli.case.other_cases import CarryOrder, FrameOrder, OtherCase
    from biomarker_cli.case.storing import StoreOrder
    from biomarker_cli.catalogue.candidate import VolumeCandidate
    from biomarker_cli.pet.rules import ClinicalForm, Override
    from biomarker_cli.regions.rules import RoiNames

OnViolation = Literal["flag", "exclude"]


@dataclass(frozen=True)
class ImagePlan:
    """One image of a case, and where it is read from.

    Attributes
    ----------
    name : str
        Unique within the case: what the image is to it, such as ``ct``.
    candidates : tuple of VolumeCandidate
        What the catalogue found below the image path; empty for other formats.
    files : tuple of Path
        NIfTI, NRRD or MHA files.
    series : str
        SeriesInstanceUID or volume id, where the path holds several.
    quantity : str
        Declared quantity of files without header facts.
    """

    name: str
    candidates: tuple[VolumeCandidate, ...] = ()
    files: tuple[Path, ...] = ()
    series: str = ""
    quantity: str = ""

    @property
    def is_declared(self) -> bool:
        """Whether it is a file without header, whose quantity the user declares."""
        return bool(self.files)

    @property
    def volumes(self) -> tuple[VolumeCandidate, ...]:
        """Image volumes that are spoken of; the folder may hold other series."""
        return tuple(
            c
            for c in self.candidates
            if c.is_image and (not self.series or c.is_called(self.series))
        )


@dataclass(frozen=True)
class CasePlan:
    """Subject x timepoint x images, and how they are to be measured.

    Attributes
    ----------
    site_id, subject_id, timepoint, role : str
        Identifiers that the study assigned; never a PatientID.
    images : tuple of ImagePlan
        At least one; the first is the primary one.
    mask : Path or None
    wanted_rois : tuple of str
        ROI names that must have a row; empty means all.
    roi_names : RoiNames or None
        The study's map from site names to canonical ones.
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
    carried : CarryOrder or None
        The mask of another case that is carried to the image; `mask` is None then.
    frame_check : FrameOrder or None
        An image of the visit that the frame of reference is held against.
    input_paths : tuple of Path
        The files it is measured from: images in the order of their slices, segmentation,
        those of other cases.
    n_of_others : int
        How many of them, at the end, other cases alone lead to.
    inputs : InputFiles
        What is known of them, and what planning kept of their bytes.
    keep : KeepOrder or None
        What of the case is kept beside its result; it moves no number.
    store : StoreOrder or None
        Where whoever measures it puts its result down; None where that is sent back.
    """

    site_id: str
    subject_id: str
    timepoint: str
    role: str
    images: tuple[ImagePlan, ...]
    mask: Path | None
    analyses: tuple[Analysis, ...]
    acquisition: AcquisitionProtocol | None = None
    wanted_rois: tuple[str, ...] = ()
    roi_names: RoiNames | None = None
    on_violation: OnViolation = "flag"
    other_frame_of_reference: bool = False
    form: ClinicalForm | None = None
    overrides: tuple[Override, ...] = ()
    waivers: WaiverSet | None = None
    flags: frozenset[str] = frozenset()
    device_key: bytes | None = field(default=None, repr=False)
    carried: CarryOrder | None = None
    frame_check: FrameOrder | None = None
    n_of_others: int = 0
    input_paths: tuple[Path, ...] = ()
    inputs: InputFiles = field(default_factory=InputFiles, compare=False, repr=False)
    keep: KeepOrder | None = field(default=None, compare=False)
    store: StoreOrder | None = field(default=None, compare=False)

    @property
    def case_id(self) -> str:
        """site/subject/timepoint/role."""
        return "/".join((self.site_id, self.subject_id, self.timepoint, self.role))

    @property
    def subject(self) -> str:
        """site/subject: whose image it is, whatever the header says."""
        return f"{self.site_id}/{self.subject_id}"

    @property
    def visit(self) -> tuple[str, str, str]:
        """Site, subject and timepoint."""
        return self.site_id, self.subject_id, self.timepoint

    @property
    def primary(self) -> ImagePlan:
        """The image that the case is known by."""
        return self.images[0]

    @property
    def awaits_mask(self) -> bool:
        """Whether there is no segmentation yet, neither its own nor one that is carried."""
        return self.mask is None and self.carried is None

    @property
    def others(self) -> tuple[OtherCase, ...]:
        """The other cases that it takes something from."""
        source = (self.carried.source,) if self.carried else ()
        return (*source, *((self.frame_check.other,) if self.frame_check else ()))

    @property
    def own_paths(self) -> tuple[Path, ...]:
        """The files of its own images and segmentation."""
        return self.input_paths[: len(self.input_paths) - self.n_of_others]

    @property
    def candidates(self) -> tuple[VolumeCandidate, ...]:
        """What the catalogue found for all images."""
        return tuple(c for image in self.images for c in image.candidates)

    @property
    def volumes(self) -> tuple[VolumeCandidate, ...]:
        """Volumes of all images."""
        return tuple(c for image in self.images for c in image.volumes)

    def image_of(self, analysis: Analysis) -> ImagePlan:
        """Return the image that an analysis measures: the first of its modalities.

        Where none is, it is the primary one, which the analysis then refuses by name.
        """
        if len(self.images) == 1:
            return self.primary
        wanted = analysis.modalities
        fitting = (
            image
            for image in self.images
            if not wanted or any(c.modality in wanted for c in image.volumes)
        )
        return next(fitting, self.primary)
