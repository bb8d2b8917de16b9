"""What the volumes of one diffusion set must share: place, times, scale and processing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.mr_images import header_number
from biomarker_cli.diffusion.errors import AdcError

if TYPE_CHECKING:
    from biomarker_cli.diffusion.volumes import DwiVolume

ECHO_TOLERANCE_MS = 0.1
REPETITION_TOLERANCE = 0.01
"""Largest relative difference of repetition times; echo times may differ by 0.1 ms."""

FLIP_TOLERANCE_DEG = 0.5


def require_alike(signal: Sequence[DwiVolume]) -> None:
    """Refuse volumes of which one is another examination, or made in another way.

    Parameters
    ----------
    signal : sequence of DwiVolume

    Raises
    ------
    AdcError
        ``ADC-MIXED-*``.
    """
    first = signal[0]
    _require_same(signal, "ADC-MIXED-STUDY", "StudyInstanceUID", lambda v: v.study_uid)
    _require_same(
        signal, "ADC-MIXED-FRAME", "FrameOfReferenceUID", lambda v: v.frame_of_reference_uid
    )
    _require_known_frame(signal)
    for volume in signal[1:]:
        ours, theirs = first.candidate.geometry, volume.candidate.geometry
        if ours is not None and theirs is not None and not ours.same_grid(theirs):
            raise AdcError(
                "ADC-MIXED-GEOMETRY",
                f"the volumes do not share one grid: {ours.difference(theirs)}",
                where=volume.volume_id,
                hint="Motion-corrected and original series must not be mixed.",
            )
    _require_times(signal)
    _require_one_flip(v.flip_deg for v in signal if v.flip_deg is not None)
    _require_scaling(signal)
    _require_one_processing(signal)


def _require_known_frame(signal: Sequence[DwiVolume]) -> None:
    """Volumes of one series lie together; those of several only say so by their frame."""
    series = sorted({v.series_uid for v in signal})
    if len(series) > 1 and not signal[0].frame_of_reference_uid:
        raise AdcError(
            "ADC-MIXED-FRAME",
            f"{len(series)} series are to be merged, and they have no FrameOfReferenceUID",
            where=", ".join(series),
            hint="Only a single series can be used without a frame of reference.",
        )


def _require_same(
    signal: Sequence[DwiVolume], code: str, name: str, key: Callable[[DwiVolume], str]
) -> None:
    found = Counter(map(key, signal))
    if len(found) > 1:
        raise AdcError(
            code,
            f"expected one {name}, found {len(found)}",
            where=", ".join(sorted({v.series_uid for v in signal})),
            hint="Name the series of one examination.",
        )


def _require_times(signal: Sequence[DwiVolume]) -> None:
    echo = [v.echo_ms for v in signal if v.echo_ms is not None]
    if echo and (max(echo) - min(echo) > ECHO_TOLERANCE_MS or len(echo) < len(signal)):
        raise AdcError(
            "ADC-MIXED-ECHO",
            f"expected one echo time, found {_values(v.echo_ms for v in signal)} ms",
            where=signal[0].series_uid,
            hint="Signal of different echo times decays by T2 as well: use one echo time.",
        )
    repetition = [v.repetition_ms for v in signal if v.repetition_ms is not None]
    if _repetition_differs(repetition) or 0 < len(repetition) < len(signal):
        raise AdcError(
            "ADC-MIXED-TR",
            f"expected one repetition time, found {_values(v.repetition_ms for v in signal)} ms",
            where=signal[0].series_uid,
            hint="Signal of different repetition times differs by T1 as well.",
        )


def _repetition_differs(known_ms: Sequence[float]) -> bool:
    return bool(known_ms) and max(known_ms) - min(known_ms) > REPETITION_TOLERANCE * max(known_ms)


def _require_scaling(signal: Sequence[DwiVolume]) -> None:
    types = {v.rescale_type for v in signal}
    makers = {v.philips for v in signal}
    philips = [v for v in signal if v.philips]
    # Displayed values of Philips share a scale only through RS x SS.
    unknown = [v for v in philips if v.scale is None]
    slopes = {v.rescale_slope for v in philips}
    apart = bool(unknown) and (len(unknown) < len(philips) or len(slopes) > 1)
    gains = {v.gains for v in signal if v.gains}
    if len(gains) > 1:
        raise AdcError(
            "ADC-MIXED-SCALING",
            f"the volumes were received with {len(gains)} gains (0019,xx95), (0019,xx96): their "
            "signals are not on one scale",
            where=", ".join(sorted({v.series_uid for v in signal})),
            hint="Name one series that holds every b-value.",
        )
    if len(types) > 1 or len(makers) > 1 or apart:
        raise AdcError(
            "ADC-MIXED-SCALING",
            "the volumes are not on one scale: expected one RescaleType and, on Philips, the scale "
            f"slope (2005,xx0E) or one rescale slope; found types {sorted(types)} and "
            f"{len(slopes)} rescale slopes",
            where=signal[0].series_uid,
            hint="Export all series again with their private elements.",
        )


def _values(values: Iterable[float | None]) -> str:
    listed = list(values)
    unique = sorted({v for v in listed if v is not None})
    words = [f"{v:g}" for v in unique] + (["none"] if None in listed else [])
    return ", ".join(words)


def _require_one_flip(flips: Iterable[float]) -> None:
    known = sorted(set(flips))
    if known and known[-1] - known[0] > FLIP_TOLERANCE_DEG:
        raise AdcError(
            "ADC-MIXED-FLIP",
            f"expected one flip angle, found {_values(known)} degrees",
            where="FlipAngle (0018,1314)",
            hint="Signal of different flip angles differs by T1 as well.",
        )


def _require_one_processing(signal: Sequence[DwiVolume]) -> None:
    """Refuse series of one examination that the scanner corrected in different ways."""
    found = {(v.series_uid, v.processing) for v in signal}
    kinds = sorted({"\\".join(sorted(words)) or "none" for _, words in found})
    if len(kinds) > 1:
        raise AdcError(
            "ADC-MIXED-PROCESSING",
            f"the volumes were corrected in {len(kinds)} ways, by ImageType: {'; '.join(kinds)}",
            where=", ".join(sorted({series for series, _ in found})),
            hint="An image with and one without correction are no repeats: name one (--series).",
        )


def require_one_volume(frames: Sequence[FrameHeader], where: str) -> None:
    """Refuse a volume whose slices were made with different times or flip angles.

    Parameters
    ----------
    frames : sequence of FrameHeader
    where : str

    Raises
    ------
    AdcError
        ``ADC-MIXED-TR``, ``ADC-MIXED-FLIP``.
    """
    _require_one_flip(
        flip for frame in frames if (flip := header_number(frame, "FlipAngle")) is not None
    )
    times = [header_number(frame, "RepetitionTime") for frame in frames]
    known = [time for time in times if time is not None]
    if _repetition_differs(known):
        raise AdcError(
            "ADC-MIXED-TR",
            f"expected one repetition time, found {_values(times)} ms in the slices of a volume",
            where=where,
            hint="Signal of different repetition times differs by T1 as well.",
        )
