"""The volumes of a perfusion examination, and what their headers say of time and contrast."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from biomarker_cli.catalogue.candidate import VolumeCandidate, VolumeStatus
from biomarker_cli.catalogue.case_image import CaseImage
from biomarker_cli.catalogue.errors import SeriesError
from biomarker_cli.catalogue.reading import read_frames, read_volume
from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.dicom.frames import FrameHeader, Frames
from biomarker_cli.dicom.mr_images import (
    factors_to_one_scale,
    field_strength_t,
    header_number,
    image_type,
    is_other_component,
    receiver_gains,
)
from biomarker_cli.dicom.phase_times import INDEX_RULES, SECOND_RULES, Said, read_said
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import SIGNAL
from biomarker_cli.perfusion.errors import PerfusionError


class Told(NamedTuple):
    """What the slices of a volume say by one rule.

    Attributes
    ----------
    value : float
        Smallest of the slices.
    spread : float
        From the smallest to the largest.
    tag : str
    """

    value: float
    spread: float
    tag: str


@dataclass(frozen=True, slots=True)
class Phase:
    """A volume and the header facts that decide what it may be used for.

    Attributes
    ----------
    candidate : VolumeCandidate
    header : FrameHeader
        Of the first slice.
    indices, seconds : mapping
        Rule of `phase_times` -> what the slices say, where all of them do.
    flip_deg, repetition_ms, echo_ms, inversion_ms, field_t : float or None
    is_signal : bool
        Whether it is an acquired magnitude image.
    gains : tuple of float
        Of the receiver, where the header tells them.
    varying : tuple of str
        Elements that must be one for an image, and differ between its slices.
    """

    candidate: VolumeCandidate
    header: FrameHeader
    indices: Mapping[str, Told]
    seconds: Mapping[str, Told]
    flip_deg: float | None
    repetition_ms: float | None
    echo_ms: float | None
    inversion_ms: float | None
    field_t: float | None
    is_signal: bool
    gains: tuple[float, ...] = ()
    varying: tuple[str, ...] = ()

    @property
    def volume_id(self) -> str:
        """Identifier of the catalogue."""
        return self.candidate.volume_id

    @property
    def series_uid(self) -> str:
        """Series that it is of."""
        return self.candidate.series_uid

    def read(self, files: DicomFiles) -> Volume:
        """Read the signal: padding is NaN, Philips slices are on one scale.

        Raises
        ------
        PerfusionError
            ``DCE-MIXED-SCALING``.
        SeriesError, PixelError
        """
        volume = read_volume(self.candidate, files).without_padding()
        try:
            factors = factors_to_one_scale(volume.frames)
        except ValueError as error:
            raise mixed_scaling(str(error), self.volume_id) from None
        if factors is None:
            return volume
        return volume.with_array(volume.as_float64() * np.asarray(factors)[:, None, None], SIGNAL)


def require_dicom(image: CaseImage) -> None:
    """Refuse files of other formats, which tell neither flip angles nor times.

    Raises
    ------
    PerfusionError
        ``DCE-NO-HEADER``.
    """
    if image.is_declared:
        raise PerfusionError(
            "DCE-NO-HEADER",
            "the image is no DICOM: its flip angles and times are not known",
            hint="Give the DICOM series.",
        )


def is_echo_of_3d(header: FrameHeader) -> bool:
    """Tell whether a header is one of 3D gradient echoes, acquired magnitude images."""
    sequence = header.get("ScanningSequence", "")
    words = {sequence} if isinstance(sequence, str) else set(sequence or ())
    is_gradient = "GR" in words or header.get("EchoPulseSequence") == "GRADIENT"
    is_planar = "EP" in words or header.get("EchoPlanarPulseSequence") == "YES"
    if not is_gradient or is_planar or header.get("MRAcquisitionType") != "3D":
        return False
    return not is_other_component(header) and image_type(header)[:1] != ("DERIVED",)


def mixed_scaling(found: str, where: str) -> PerfusionError:
    """Return the refusal of images whose signal is not on one scale."""
    return PerfusionError(
        "DCE-MIXED-SCALING",
        f"the images are not on one scale: {found}",
        where=where,
        hint="Export the series again with its private elements.",
    )


def describe_phase(candidate: VolumeCandidate, files: DicomFiles) -> Phase:
    """Return the facts of a candidate from the headers of its slices."""
    frames = read_frames(candidate, files)
    header = frames.first
    derived = image_type(header)[:1] == ("DERIVED",)
    return Phase(
        candidate,
        header,
        _told((read_said(one, INDEX_RULES) for one in frames), len(frames)),
        _told((read_said(one, SECOND_RULES) for one in frames), len(frames)),
        flip_deg=header_number(header, "FlipAngle"),
        repetition_ms=header_number(header, "RepetitionTime"),
        echo_ms=header_number(header, "EchoTime", "EffectiveEchoTime"),
        inversion_ms=header_number(header, "InversionTime", "InversionTimes"),
        field_t=field_strength_t(header),
        is_signal=not is_other_component(header) and not derived,
        gains=receiver_gains(header),
        varying=_varying(frames),
    )


_OF_ONE_IMAGE: Mapping[str, float] = MappingProxyType(
    {"FlipAngle": 0.01, "RepetitionTime": 1.0, "EchoTime": 0.1, "InversionTime": 1.0}
)
"""Element -> largest difference between slices: degrees and ms."""


def _varying(frames: Frames) -> tuple[str, ...]:
    """Return what differs between the slices of an image, and decides how its signal is read."""
    found = []
    for keyword, tolerance in _OF_ONE_IMAGE.items():
        values = {header_number(frame, keyword) for frame in frames}
        known = [value for value in values if value is not None]
        if known and (None in values or max(known) - min(known) > tolerance):
            found.append(keyword)
    if len({receiver_gains(frame) for frame in frames}) > 1:
        found.append("the receiver gain")
    return tuple(found)


def describe_phases(
    candidates: Sequence[VolumeCandidate], files: DicomFiles | None = None
) -> list[Phase]:
    """Return the facts of every image among the candidates."""
    files = files or DicomFiles()
    return [describe_phase(candidate, files) for candidate in candidates if candidate.is_image]


def _told(said: Iterable[Iterable[tuple[str, Said]]], n_slices: int) -> dict[str, Told]:
    by_rule: dict[str, list[Said]] = defaultdict(list)
    for slice_ in said:
        for rule, one in slice_:
            by_rule[rule].append(one)
    found = {}
    for rule, all_said in by_rule.items():
        values = [one.value for one in all_said]
        if len(values) == n_slices and all(map(math.isfinite, values)):
            low, high = min(values), max(values)
            found[rule] = Told(low, high - low, all_said[0].tag)
    return found


def require_signal(phases: Sequence[Phase]) -> list[Phase]:
    """Return the acquired magnitude images; phase and derived images beside them are left out.

    Raises
    ------
    PerfusionError
        ``DCE-NOT-MAGNITUDE`` where there are none.
    SeriesError
        With the catalogue's code where one of them was refused.
    """
    signal = [phase for phase in phases if phase.is_signal]
    if not signal:
        raise PerfusionError(
            "DCE-NOT-MAGNITUDE",
            "no image is an acquired magnitude image",
            where=phases[0].series_uid if phases else "",
            hint="Name the magnitude series, not phase images, subtractions or maps.",
        )
    for phase in signal:
        if phase.varying:
            raise PerfusionError(
                "DCE-MIXED-ACQUISITION",
                f"the slices of one image differ in {', '.join(phase.varying)}",
                where=phase.volume_id,
                hint="Images of several acquisitions were mixed: export each series again.",
            )
        one = phase.candidate
        if one.status is not VolumeStatus.OK:
            raise SeriesError(one.error_code, one.error_message, where=one.volume_id)
    return signal
