"""The volumes of a diffusion examination, each with its b-value and its kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from biomarker_cli.catalogue.candidate import VolumeCandidate, VolumeStatus
from biomarker_cli.catalogue.reading import read_frames, read_volume
from biomarker_cli.dicom.bvalues import BValue, read_b_value
from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.dicom.frames import FrameHeader, Frames
from biomarker_cli.dicom.gradients import Directionality, Vector, has_zero_vector, read_gradient
from biomarker_cli.dicom.mr_images import (
    factors_to_one_scale,
    header_number,
    image_type,
    receiver_gains,
)
from biomarker_cli.dicom.philips_scaling import is_philips, read_scale
from biomarker_cli.dicom.private_values import first_number
from biomarker_cli.diffusion.alike import require_one_volume
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.kinds import UNWEIGHTED_BELOW, DwiKind, volume_kind
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import SIGNAL

B0_UNTAGGED = BValue(0.0, "", "absent_in_dwi_series", 0.0)
"""What a volume without b-value is, inside a series that has b > 0."""


PROCESSING = frozenset({"NORM", "DIS2D", "DIS3D", "MOCO", "FIL"})
"""Words of ImageType that say how Siemens corrected an image after it was acquired."""


@dataclass(frozen=True, slots=True)
class DwiVolume:
    """A volume and the header facts that decide what may be done with it.

    Attributes
    ----------
    volume_id, series_uid, study_uid, frame_of_reference_uid : str
    kind : DwiKind
    b_value : BValue or None
    direction : tuple of float or None
        Weighting direction; None on b = 0, trace and where the header has none.
    echo_ms, repetition_ms, flip_deg : float or None
    gains : tuple of float
        Of the receiver, where the header has them.
    processing : frozenset of str
        Those of `PROCESSING` that ImageType has.
    zero_direction : bool
        At b > 0: a vector of length 0 stands where the direction would.
    says_weighted : bool
        The header has a direction of weighting, or calls the image isotropic.
    rescale_type : str
    rescale_slope : float
        Of the first slice.
    scale : float or None
        Philips RS x SS of the first slice, None elsewhere.
    philips : bool
    n_frames : int
    candidate : VolumeCandidate
    read : callable
        Returns the rescaled `Volume`.
    headers : callable
        Returns the header record of each slice.
    hint : str
        Where a b-value is missing for a known reason: what to do.
    """

    volume_id: str
    series_uid: str
    study_uid: str
    frame_of_reference_uid: str
    kind: DwiKind
    b_value: BValue | None
    direction: Vector | None
    zero_direction: bool
    says_weighted: bool
    echo_ms: float | None
    repetition_ms: float | None
    flip_deg: float | None
    gains: tuple[float, ...]
    processing: frozenset[str]
    rescale_type: str
    rescale_slope: float
    scale: float | None
    philips: bool
    n_frames: int
    candidate: VolumeCandidate
    read: Callable[[], Volume]
    headers: Callable[[], Frames]
    hint: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether the catalogue could not make a regular volume of it."""
        return self.candidate.status is not VolumeStatus.OK


def describe_volume(candidate: VolumeCandidate, files: DicomFiles) -> DwiVolume:
    """Return the diffusion facts of a candidate, from the header of its first slice."""
    ref = candidate.refs[0]
    header = files.frames(ref.path)[ref.frame]
    b_value = read_b_value(header)
    gradient = read_gradient(header)
    kind = volume_kind(header, b_value, gradient)
    philips = is_philips(header)
    return DwiVolume(
        volume_id=candidate.volume_id,
        series_uid=candidate.series_uid,
        study_uid=candidate.study_uid,
        frame_of_reference_uid=candidate.frame_of_reference_uid,
        kind=kind,
        b_value=b_value,
        direction=gradient.direction if kind is DwiKind.DIRECTIONAL else None,
        says_weighted=gradient.direction is not None
        or gradient.directionality is Directionality.ISOTROPIC,
        zero_direction=kind is DwiKind.UNDIRECTED and has_zero_vector(header),
        echo_ms=header_number(header, "EchoTime", "EffectiveEchoTime"),
        repetition_ms=header_number(header, "RepetitionTime"),
        flip_deg=header_number(header, "FlipAngle"),
        gains=receiver_gains(header),
        processing=PROCESSING & set(image_type(header)),
        rescale_type=str(header.get("RescaleType", "")),
        rescale_slope=first_number(header.get("RescaleSlope", 1.0)),
        scale=read_scale(header) if philips else None,
        philips=philips,
        n_frames=candidate.n_frames,
        candidate=candidate,
        read=partial(_read_scaled, candidate, philips, files),
        headers=partial(read_frames, candidate, files),
        hint=_hint(header) if b_value is None else "",
    )


def _hint(header: FrameHeader) -> str:
    """Say what to do about a b-value that a system is known to leave out."""
    siemens = str(header.get("Manufacturer", "")).upper().startswith("SIEMENS")
    xa = "XA" in str(header.get("SoftwareVersions", "")).upper()
    if siemens and xa and header.n_described is None:
        return "Export the series from this Siemens XA system as enhanced DICOM."
    return ""


def describe_volumes(
    candidates: Sequence[VolumeCandidate], files: DicomFiles | None = None
) -> list[DwiVolume]:
    """Return the facts of every image among the candidates.

    A volume without b-value becomes b = 0 where its own series has another one
    with b > 0 (GE MR29 and Toshiba V5.0 leave the element out on b = 0). One with
    a direction is weighted, and has lost its b-value.
    """
    files = files or DicomFiles()
    volumes = [describe_volume(c, files) for c in candidates if c.is_image]
    weighted = {
        v.series_uid
        for v in volumes
        if v.kind.is_signal and v.b_value and v.b_value.value >= UNWEIGHTED_BELOW
    }
    return [
        replace(v, b_value=B0_UNTAGGED, kind=DwiKind.B0)
        if v.kind is DwiKind.UNTAGGED and v.series_uid in weighted and not v.says_weighted
        else v
        for v in volumes
    ]


def _read_scaled(candidate: VolumeCandidate, philips: bool, files: DicomFiles) -> Volume:
    """Read a volume; padding is NaN, and Philips slices are on the scale of measured values."""
    volume = read_volume(candidate, files).without_padding()
    require_one_volume(volume.frames, candidate.volume_id)
    if not philips:
        return volume
    try:
        factors = factors_to_one_scale(volume.frames)
    except ValueError:
        raise AdcError(
            "ADC-MIXED-SCALING",
            "the slices of a volume have different rescale slopes, and the scale slope "
            "(2005,xx0E) that would tell their common scale is absent",
            where=candidate.volume_id,
            hint="Export the series again with its private elements.",
        ) from None
    if factors is None:
        return volume
    return volume.with_array(volume.as_float64() * np.asarray(factors)[:, None, None], SIGNAL)
