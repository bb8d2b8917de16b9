"""By which transforms a region may be carried to another image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.linear_parts import is_orthonormal

if TYPE_CHECKING:
    from biomarker_cli.registration.rules import RegistrationProtocol

CarryRule = Literal["never", "rigid", "deformable"]
"""The strongest transform that a region is carried by; ``never`` for none."""

DEFAULT_CARRY: CarryRule = "rigid"
"""What a field shrinks is what a treatment shrank: no lesion is deformed unasked."""


def require_carried(roi_id: str, rule: CarryRule, protocol: RegistrationProtocol) -> None:
    """Refuse to carry a region that is not to be carried, or not by a deformation.

    Parameters
    ----------
    roi_id : str
    rule : str
        ``carry`` of the region in the ROI map.
    protocol : RegistrationProtocol

    Raises
    ------
    RegistrationError
        ``REGISTRATION-CARRY-NEVER``, ``REGISTRATION-CARRY-RIGID``.
    """
    if rule == "never":
        raise RegistrationError(
            "REGISTRATION-CARRY-NEVER",
            "the ROI map says carry: never",
            where=roi_id,
            hint="Draw it on this image, or change the ROI map.",
        )
    if protocol.file.demons is not None and rule != "deformable":
        raise RegistrationError(
            "REGISTRATION-CARRY-RIGID",
            f"{protocol.ident} deforms, and the region is carried rigidly alone: a field hides "
            "what changed",
            where=roi_id,
            hint="Take rigid-same-modality; for an organ write carry: deformable in the ROI map.",
        )


def require_rigid(roi_id: str, rule: CarryRule, matrix: FloatArray) -> None:
    """Refuse to stretch a region that is carried rigidly alone.

    One axis may grow by what another one shrinks, so that the volume tells nothing.

    Parameters
    ----------
    roi_id : str
    rule : str
        ``carry`` of the region in the ROI map.
    matrix : ndarray, shape (4, 4)
        Fixed point to moving point, LPS mm; a given one may be affine.

    Raises
    ------
    RegistrationError
        ``REGISTRATION-CARRY-RIGID``.
    """
    if rule == "deformable" or is_orthonormal(matrix[:3, :3]):
        return
    raise RegistrationError(
        "REGISTRATION-CARRY-RIGID",
        "the transform scales or shears, and the region is carried rigidly alone",
        where=roi_id,
        hint="Give a rigid transform; for an organ write carry: deformable in the ROI map.",
    )
