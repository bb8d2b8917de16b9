"""What a case takes from another case of its subject: an image, or a mask that is carried."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from biomarker_cli.acquisition.protocol import AcquisitionProtocol
    from biomarker_cli.acquisition.waivers import WaiverSet
    from biomarker_cli.case.plan import ImagePlan
    from biomarker_cli.registration.rules import RegistrationProtocol


@dataclass(frozen=True)
class OtherCase:
    """Another case of the subject, as far as a case needs it.

    Attributes
    ----------
    case_id : str
    image : ImagePlan
    mask : Path or None
        None where the image alone is asked for.
    other_frame_of_reference : bool
        The study says of it that a mask of another frame of reference fits.
    image_paths, mask_paths : tuple of Path
        The files of both.
    """

    case_id: str
    image: ImagePlan
    mask: Path | None = None
    other_frame_of_reference: bool = False
    image_paths: tuple[Path, ...] = ()
    mask_paths: tuple[Path, ...] = ()

    @property
    def input_paths(self) -> tuple[Path, ...]:
        """All files of it."""
        return (*self.image_paths, *self.mask_paths)


@dataclass(frozen=True)
class Acceptance:
    """A person takes a registration that did not pass its checks.

    Attributes
    ----------
    reason, approver : str
    registration_id : str
        The one that was looked at; empty for whichever is found.
    """

    reason: str
    approver: str
    registration_id: str = ""

    def holds_for(self, registration_id: str) -> bool:
        """Tell whether it speaks of a registration."""
        return self.registration_id in {"", registration_id}


@dataclass(frozen=True)
class SourceRules:
    """What the image must be whose mask is carried: it is checked as its own case is.

    Attributes
    ----------
    acquisition : AcquisitionProtocol
        Of its role.
    waivers : WaiverSet or None
        Deviations of it that the study accepts.
    takes_every_volume : bool
        Whether a measure of its role takes all volumes, so that all are checked.
    """

    acquisition: AcquisitionProtocol
    waivers: WaiverSet | None = None
    takes_every_volume: bool = False


@dataclass(frozen=True)
class CarryOrder:
    """The mask of another case, to be carried to the image of this one.

    Attributes
    ----------
    source : OtherCase
        Whose image is the fixed one.
    protocol : RegistrationProtocol
        Finds the transform, or says what a given one is held against.
    transform : Path or None
        ITK text file (``.tfm``) or DICOM Spatial Registration object, instead of one that
        is found.
    acceptance : Acceptance or None
    rules : SourceRules or None
        None where the study checks no image of that role.
    """

    source: OtherCase
    protocol: RegistrationProtocol
    transform: Path | None = None
    acceptance: Acceptance | None = None
    rules: SourceRules | None = None

    @property
    def input_paths(self) -> tuple[Path, ...]:
        """All files that the mask is made from."""
        return (*self.source.input_paths, *filter(None, [self.transform]))


@dataclass(frozen=True)
class FrameOrder:
    """An image that names the frame of reference of the case, which is to be held against it.

    Attributes
    ----------
    other : OtherCase
    protocol : RegistrationProtocol
        How both are aligned.
    """

    other: OtherCase
    protocol: RegistrationProtocol
