"""Assemble the volumes of an examination into a dynamic series and its T1 images, or refuse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from biomarker_cli.catalogue.candidate import VolumeCandidate
from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.dicom.philips_scaling import is_philips, read_scale
from biomarker_cli.dicom.private_values import first_number
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.perfusion.errors import PerfusionError
from biomarker_cli.perfusion.phases import Phase, describe_phases, mixed_scaling, require_signal
from biomarker_cli.perfusion.rules import BaselineRules
from biomarker_cli.perfusion.time_axis import TimeAxis, order_phases

FLIP_TOLERANCE_DEG = 0.01
ECHO_TOLERANCE_MS = 0.1
LONE_FACTOR = 3.0
"""A volume farther than this multiple of the frame interval ahead is none of the frames."""

_LEAST_AFTER = 3
"""Frames that must follow those of the baseline."""

REPETITION_TOLERANCE = 0.01
"""Largest relative difference of repetition times; echo times may differ by 0.1 ms."""


@dataclass(frozen=True)
class DynamicSet:
    """A dynamic series of one contrast, and the images that T1 is measured from.

    Attributes
    ----------
    axis : TimeAxis
    geometry : Geometry
    t1_images : tuple of Phase
        Of other flip angles, in rising order; empty where none were asked for.
    flags : frozenset of str
        What every row measured on this set carries.
    """

    axis: TimeAxis
    geometry: Geometry
    t1_images: tuple[Phase, ...]
    flags: frozenset[str]

    @property
    def first(self) -> Phase:
        """The first phase."""
        return self.axis.phases[0]


def assemble_dynamic(
    candidates: Sequence[VolumeCandidate], files: DicomFiles, *, with_t1_images: bool
) -> DynamicSet:
    """Build a dynamic set from what the user named; headers decide.

    Parameters
    ----------
    candidates : sequence of VolumeCandidate
        Volumes of one or several series of one examination.
    files : DicomFiles
        Those of the case, which are read once.
    with_t1_images : bool
        Whether images of other flip angles may stand beside the dynamic series.

    Raises
    ------
    PerfusionError
        ``DCE-NOT-MAGNITUDE``, ``DCE-FEW-FRAMES``, ``DCE-NO-TIMES``, ``DCE-PHASES-DISAGREE``,
        ``DCE-MIXED-ACQUISITION``, ``DCE-MIXED-STUDY``, ``DCE-MIXED-FRAME``,
        ``DCE-MIXED-GEOMETRY``, ``DCE-MIXED-SCALING``.
    SeriesError
        With the catalogue's code where a volume was refused.
    """
    signal = require_signal(describe_phases(candidates, files))
    dynamic, others = _dynamic_and_others(signal)
    if others and not with_t1_images:
        raise _mixed(dynamic[0], others[0])
    _require_one_contrast(dynamic)
    require_one_place(signal)
    require_one_scale(dynamic)
    axis, before = _without_lone_start(order_phases(dynamic), others)
    others += before
    geometry = axis.phases[0].candidate.geometry
    assert geometry is not None  # noqa: S101 - refused volumes do not come so far
    flags = axis.flags | {flag for phase in signal for flag in phase.candidate.flags}
    t1_images = tuple(sorted(others, key=lambda one: one.flip_deg or 0.0))
    return DynamicSet(axis, geometry, t1_images, flags)


def require_frames(dynamic: DynamicSet, baseline: BaselineRules) -> None:
    """Refuse a series that ends with its baseline.

    Raises
    ------
    PerfusionError
        ``DCE-FEW-FRAMES``.
    """
    n_needed = baseline.end + _LEAST_AFTER
    if len(dynamic.axis.phases) < n_needed:
        raise PerfusionError(
            "DCE-FEW-FRAMES",
            f"expected {n_needed} frames or more, found {len(dynamic.axis.phases)}",
            where=dynamic.first.series_uid,
            hint="Name the whole dynamic series.",
        )


def _dynamic_and_others(signal: Sequence[Phase]) -> tuple[list[Phase], list[Phase]]:
    """Tell the dynamic series from the T1 images by the flip angle.

    Where one series holds most phases, a single volume of another series is a T1 image also
    where it has the flip angle of the dynamic: its gain is its own.
    """
    by_flip: dict[float | None, list[Phase]] = defaultdict(list)
    for phase in signal:
        key = None if phase.flip_deg is None else round(phase.flip_deg / FLIP_TOLERANCE_DEG)
        by_flip[key].append(phase)
    dynamic = max(by_flip.values(), key=len)
    others = [phase for group in by_flip.values() if group is not dynamic for phase in group]
    if others:
        counts: dict[str, int] = defaultdict(int)
        for phase in dynamic:
            counts[phase.series_uid] += 1
        single = {uid for uid, n in counts.items() if n == 1}
        if max(counts.values()) > 2 and len(single) == 1:
            others += [phase for phase in dynamic if phase.series_uid in single]
            dynamic = [phase for phase in dynamic if phase.series_uid not in single]
    return dynamic, others


def _without_lone_start(axis: TimeAxis, others: Sequence[Phase]) -> tuple[TimeAxis, list[Phase]]:
    """Take a first volume for a T1 image where each phase is a series and it lies far ahead.

    The flip angles of T1 images often hold that of the dynamic series.
    """
    gap = float(axis.seconds[1] - axis.seconds[0])
    each_own = len({phase.series_uid for phase in axis.phases}) == len(axis.phases) > 2
    if not (others and each_own and gap > LONE_FACTOR * axis.interval_s):
        return axis, []
    return order_phases(axis.phases[1:]), [axis.phases[0]]


def _require_one_contrast(dynamic: Sequence[Phase]) -> None:
    first = dynamic[0]
    for phase in dynamic[1:]:
        if not have_one_timing(first, phase):
            raise _mixed(first, phase)


def have_one_timing(one: Phase, other: Phase) -> bool:
    """Tell whether two images have one repetition time and one echo time."""
    tr = (one.repetition_ms, other.repetition_ms)
    te = (one.echo_ms, other.echo_ms)
    return _alike(tr, REPETITION_TOLERANCE * max(v or 0.0 for v in tr)) and _alike(
        te, ECHO_TOLERANCE_MS
    )


def _alike(pair: tuple[float | None, float | None], tolerance: float) -> bool:
    a, b = pair
    if a is None or b is None:
        return a is b
    return abs(a - b) <= tolerance


def _mixed(one: Phase, other: Phase) -> PerfusionError:
    return PerfusionError(
        "DCE-MIXED-ACQUISITION",
        "the images are not of one acquisition: flip angle, repetition and echo time are "
        f"{_timing(one)} and {_timing(other)}",
        where=f"{one.volume_id}, {other.volume_id}",
        hint="Name the dynamic series alone, and the images before contrast only where they "
        "were acquired like it.",
    )


def _timing(phase: Phase) -> str:
    values = (phase.flip_deg, phase.repetition_ms, phase.echo_ms)
    words = ["none" if v is None else f"{v:g}" for v in values]
    return f"{words[0]} deg, {words[1]} ms, {words[2]} ms"


def require_one_place(signal: Sequence[Phase]) -> None:
    """Refuse images of several studies, frames of reference or grids."""
    series = sorted({phase.series_uid for phase in signal})
    studies = {phase.candidate.study_uid for phase in signal}
    if len(studies) > 1:
        raise PerfusionError(
            "DCE-MIXED-STUDY",
            f"expected one StudyInstanceUID, found {len(studies)}",
            where=", ".join(series),
            hint="Name the series of one examination.",
        )
    frames = {phase.candidate.frame_of_reference_uid for phase in signal}
    if len(frames) > 1 or (len(series) > 1 and frames == {""}):
        found = "none" if frames == {""} else str(len(frames))
        raise PerfusionError(
            "DCE-MIXED-FRAME",
            f"expected one FrameOfReferenceUID for {len(series)} series, found {found}",
            where=", ".join(series),
            hint="Name the series of one examination.",
        )
    first = signal[0].candidate.geometry
    for phase in signal[1:]:
        theirs = phase.candidate.geometry
        if first is not None and theirs is not None and not first.same_grid(theirs):
            raise PerfusionError(
                "DCE-MIXED-GEOMETRY",
                f"the images do not share one grid: {first.difference(theirs)}",
                where=phase.volume_id,
                hint="Motion-corrected and original series must not be mixed.",
            )


def require_one_scale(signal: Sequence[Phase]) -> None:
    """Refuse images whose signal cannot be compared: several gains or units.

    On Philips only the scale slope makes rescaled values comparable.
    """
    types = {str(phase.header.get("RescaleType", "")) for phase in signal}
    if len(types) > 1:
        raise mixed_scaling(f"RescaleType is {', '.join(sorted(types))}", signal[0].series_uid)
    gains = {phase.gains for phase in signal}
    if len(gains) > 1:
        raise mixed_scaling("the receiver gains differ", signal[0].series_uid)
    philips = [is_philips(phase.header) for phase in signal]
    if any(philips):
        unknown = [phase for phase in signal if read_scale(phase.header) is None]
        slopes = {first_number(phase.header.get("RescaleSlope", 1.0)) for phase in signal}
        if not all(philips) or (unknown and (len(unknown) < len(signal) or len(slopes) > 1)):
            raise mixed_scaling(
                f"{len(slopes)} rescale slopes, and the scale slope (2005,xx0E) that would tell "
                "their common scale is absent",
                signal[0].series_uid,
            )
