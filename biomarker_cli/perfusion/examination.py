"""The dynamic series of a case, judged by its headers: what its rules ask of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from biomarker_cli.catalogue.case_image import CaseImage
from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.perfusion import dce
from biomarker_cli.perfusion.dynamic_set import DynamicSet, assemble_dynamic, require_frames
from biomarker_cli.perfusion.errors import PerfusionError
from biomarker_cli.perfusion.motion import (
    Motion,
    MovedPhase,
    baseline_left,
    derivation_of_motion,
    motion_of,
)
from biomarker_cli.perfusion.phases import Phase, require_dicom
from biomarker_cli.perfusion.relaxivity import agent_of_headers, relaxivity
from biomarker_cli.perfusion.rules import DceRules, FixedT10, MeasuredT10, ModelRules, MotionRules
from biomarker_cli.perfusion.t1 import MS_PER_S, STRONG_FIELD_T, flip_angle_set
from biomarker_cli.perfusion.transmit_field import TransmitField, without_transmit_field


@dataclass(frozen=True)
class Examination:
    """A dynamic series with what its rules ask of it.

    Attributes
    ----------
    dynamic : DynamicSet
    sequence : dce.Sequence
    rules : DceRules
        The baseline without frames that were dropped for motion.
    files : DicomFiles
    flags : frozenset of str
    field : TransmitField or None
    motion : Motion or None
        Where the rules ask for its correction.
    """

    dynamic: DynamicSet
    sequence: dce.Sequence
    rules: DceRules
    files: DicomFiles
    flags: frozenset[str]
    field: TransmitField | None = None
    motion: Motion | None = None

    def b1(self) -> FloatArray | None:
        """Return applied over nominal flip angle, shape (z, y, x); None without a map of it."""
        return None if self.field is None else self.field.scale_on(self.dynamic.first, self.files)

    @property
    def shown(self) -> Phase:
        """The frame whose place the regions are drawn at."""
        return self.dynamic.first if self.motion is None else self.motion.reference

    @property
    def kept_phases(self) -> tuple[Phase | MovedPhase, ...]:
        """The frames without those skipped at the start or dropped; moved where asked for."""
        if self.motion is not None:
            return self.motion.phases
        return self.dynamic.axis.phases[self.rules.baseline.skip_frames :]


def examine(image: CaseImage, rules: DceRules) -> Examination:
    """Return the dynamic series of an image, judged by its headers.

    Raises
    ------
    PerfusionError, ImageError, SeriesError
    """
    require_dicom(image)
    files = image.dicom
    with_t1 = isinstance(rules.t10, MeasuredT10)
    b1 = rules.t10.b1 if isinstance(rules.t10, MeasuredT10) else None
    images, field = without_transmit_field(image.candidates(), files, b1)
    dynamic = assemble_dynamic(images, files, with_t1_images=with_t1)
    first = dynamic.first
    require_frames(dynamic, rules.baseline)
    if not first.repetition_ms or not first.flip_deg:
        raise PerfusionError(
            "DCE-NO-SEQUENCE",
            "the header does not tell RepetitionTime and FlipAngle",
            where=first.series_uid,
            hint="Without them the signal is no concentration: export the series again.",
        )
    flags = set(dynamic.flags)
    r1 = math.nan
    if rules.needs_concentration:
        r1 = _relaxivity(rules, dynamic)
        if isinstance(rules.t10, FixedT10):
            flags.add("t10_assumed")
        if field is None and first.field_t is not None and first.field_t >= STRONG_FIELD_T:
            flags.add("b1_uncorrected")
    if rules.model is not None:
        flags |= _interval_flags(rules.model, dynamic)
    sequence = dce.Sequence(
        dynamic.axis.seconds[rules.baseline.skip_frames :],
        first.repetition_ms / MS_PER_S,
        math.radians(first.flip_deg),
        r1,
        flip_angle_set(dynamic.t1_images, 2) if with_t1 else None,
    )
    found = Examination(dynamic, sequence, rules, files, frozenset(flags), field)
    return found if rules.motion is None else _at_rest(found, rules.motion)


def _at_rest(one: Examination, rules: MotionRules) -> Examination:
    """Return an examination whose frames are moved onto its reference."""
    motion = motion_of(one.dynamic.axis.phases[one.rules.baseline.skip_frames :], rules, one.files)
    baseline = baseline_left(motion, one.rules.baseline, one.dynamic.first.series_uid)
    return replace(
        one,
        sequence=replace(one.sequence, seconds=one.sequence.seconds[list(motion.kept)]),
        rules=one.rules.model_copy(update={"baseline": baseline}),
        flags=one.flags | motion.flags,
        motion=motion,
    )


def _relaxivity(rules: DceRules, dynamic: DynamicSet) -> float:
    assert rules.agent is not None  # noqa: S101 - held by the rules
    if rules.agent.relaxivity_per_s_mm is not None:
        return rules.agent.relaxivity_per_s_mm
    first = dynamic.first
    names = rules.agent.names
    agent = rules.agent.name or agent_of_headers([p.header for p in dynamic.axis.phases], names)
    return relaxivity(agent, first.field_t, first.series_uid)


def _interval_flags(model: ModelRules, dynamic: DynamicSet) -> frozenset[str]:
    interval = dynamic.axis.interval_s
    if model.has_vp and interval > model.interval_flag_above_s:
        raise PerfusionError(
            "DCE-INTERVAL",
            f"the frame interval is {interval:.3g} s; {model.name} bears "
            f"{model.interval_flag_above_s:g} s",
            where=dynamic.first.series_uid,
            hint="Use an analysis with the Tofts model, or with the initial area (dce-iaugc).",
        )
    long = model.interval_vp_above_s if model.has_vp else model.interval_flag_above_s
    return frozenset({"frame_interval_long"}) if interval > long else frozenset()


def derivation_of(one: Examination) -> dict[str, Any]:
    """Return how the series was read, as plain values."""
    axis, sequence = one.dynamic.axis, one.sequence
    return {
        "times_from": axis.rule,
        "times_tag": axis.tag,
        "index_from": axis.index_rule,
        "seconds": [round(float(v), 6) for v in axis.seconds],
        "repetition_time_ms": sequence.tr_s * MS_PER_S,
        "flip_angle_deg": round(math.degrees(sequence.flip_rad), 6),
        "relaxivity_per_s_mm": None
        if math.isnan(sequence.relaxivity_per_s_mm)
        else sequence.relaxivity_per_s_mm,
        "t1_flip_angles_deg": []
        if sequence.angles is None
        else [round(float(v), 6) for v in np.degrees(sequence.angles.flip_rad)],
        "b1_map": None if one.field is None else one.field.candidate.volume_id,
        "volumes": [phase.volume_id for phase in axis.phases],
        **({} if one.motion is None else {"motion": derivation_of_motion(one.motion)}),
    }
