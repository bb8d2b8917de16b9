"""Two images: whether they may be registered, and what their headers claim."""

from __future__ import annotations

import numpy as np

from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.wording import counted
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.itk_images import single_precision
from biomarker_cli.registration.leaving import person_of
from biomarker_cli.registration.rules import RegistrationProtocol, RigidRules

_LEAST_VOXELS = 4
"""Along each axis: what smoothing needs."""

_MODALITY_OF_QUANTITY = {"hu": "CT", "suvbw": "PT", "adc": "MR", "signal": "MR"}


def header_word(volume: Volume, keyword: str) -> str:
    """Return what the header of a volume says; empty where it has none, or says nothing."""
    return str(volume.frames.first.get(keyword, "")) if volume.frames else ""


def frame_of_reference_of(volume: Volume) -> str:
    """Return the FrameOfReferenceUID of a volume; empty where it has no header."""
    return header_word(volume, "FrameOfReferenceUID")


def modality_of(volume: Volume) -> str:
    """Return the DICOM modality of a volume, by its quantity where it has no header."""
    if volume.frames:
        return header_word(volume, "Modality")
    return _MODALITY_OF_QUANTITY.get(volume.quantity.name, "")


def same_frame_of(fixed: Volume, moving: Volume) -> bool:
    """Return whether both headers name one frame of reference."""
    frames = {frame_of_reference_of(one) for one in (fixed, moving)}
    return len(frames) == 1 and "" not in frames


def require_usable(fixed: Volume, moving: Volume, rules: RigidRules | None) -> None:
    """Refuse images in which nothing can be aligned.

    Raises
    ------
    RegistrationError
        ``REGISTRATION-CONSTANT``, ``REGISTRATION-THIN``.
    """
    shrinks = [level.shrink for level in rules.levels] if rules else []
    least = max([_LEAST_VOXELS, *(2 * shrink for shrink in shrinks)])
    for name, volume in (("fixed", fixed), ("moving", moving)):
        values = single_precision(volume)
        values = values[np.isfinite(values)]
        if not values.size or values.min() == values.max():
            raise RegistrationError(
                "REGISTRATION-CONSTANT",
                f"all voxels of the {name} image have one value: nothing in it can be aligned",
                where=volume.volume_id,
            )
        if shrinks and min(volume.geometry.shape) < least:
            raise RegistrationError(
                "REGISTRATION-THIN",
                f"the {name} image has {counted(min(volume.geometry.shape), 'voxel')} along an "
                f"axis, the coarsest level of the protocol needs {least}",
                where=volume.volume_id,
                hint="Name a protocol of your own whose levels shrink less.",
            )


def require_fitting(
    fixed: Volume,
    moving: Volume,
    protocol: RegistrationProtocol,
    given: FloatArray | None,
    *,
    same_frame: bool,
) -> None:
    """Refuse a pair that a protocol is not for.

    Raises
    ------
    RegistrationError
        ``REGISTRATION-MODALITIES``, ``REGISTRATION-FRAMES``, ``REGISTRATION-GIVEN`` where a
        rigid transform is given to a protocol that deforms.
    """
    pair = modality_of(fixed), modality_of(moving)
    taken = protocol.file.applies_to.pairs
    if taken and pair not in taken:
        known = ", ".join(f"{a} and {b}" for a, b in taken)
        raise RegistrationError(
            "REGISTRATION-MODALITIES",
            f"{protocol.ident} takes {known}; the images are {pair[0] or 'of no modality'} "
            f"and {pair[1] or 'of no modality'}",
            hint="`biomarker protocol list --kind registration` shows the others.",
        )
    if protocol.file.demons is not None and given is not None:
        raise RegistrationError(
            "REGISTRATION-GIVEN",
            f"{protocol.ident} finds a deformation, and the transform that is given is rigid or "
            "affine",
            hint="Judge it by a rigid protocol, such as rigid-same-modality.",
        )
    if protocol.file.transform == "none" and given is None and not same_frame:
        raise RegistrationError(
            "REGISTRATION-FRAMES",
            "the headers do not say that both images lie in one frame of reference",
            hint="Name a protocol that registers, such as rigid-same-modality.",
        )


def may_be_one_patient(fixed: Volume, moving: Volume) -> bool:
    """Return whether no two headers name two patients."""
    one, other = person_of(fixed), person_of(moving)
    ids = {one.patient_id, other.patient_id} - {""}
    return len(ids) < 2 and not one.conflicts(other)
