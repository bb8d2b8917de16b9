"""The table of time points: when each volume was acquired, and from which element that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from biomarker_cli.dicom.phase_times import CLOCK_RULES
from biomarker_cli.perfusion.dynamic_set import DynamicSet
from biomarker_cli.perfusion.phases import Phase, Told


@dataclass(frozen=True, slots=True)
class TimepointRow:
    """One volume of the table.

    Attributes
    ----------
    frame : int or None
        Its place in the dynamic series, from 1; None where it is none of its frames.
    seconds : float or None
        From the first frame of the dynamic series; what its element says where there is none.
    rule, tag : str
        What told the seconds.
    index : float or None
        Number of the phase as the header has it.
    index_tag : str
    use : str
        ``frame``, ``t1`` for an image of another flip angle, or empty where no set was made.
    """

    volume_id: str
    series_uid: str
    use: str
    frame: int | None
    seconds: float | None
    rule: str
    tag: str
    index: float | None
    index_tag: str
    flip_deg: float | None
    repetition_ms: float | None
    echo_ms: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, by column name."""
        return asdict(self)


def timepoint_rows(phases: Sequence[Phase], made: DynamicSet | None) -> list[TimepointRow]:
    """Return one row per volume: the frames in their order, then what is no frame."""
    if made is None:
        return [_row(phase, "", None, *_first_said(phase)) for phase in phases]
    axis = made.axis
    rows = [
        _row(phase, "frame", number, float(seconds), axis.rule, axis.tag)
        for number, (phase, seconds) in enumerate(
            zip(axis.phases, axis.seconds, strict=True), start=1
        )
    ]
    listed = {row.volume_id for row in rows}
    t1_images = {phase.volume_id for phase in made.t1_images}
    for phase in phases:
        if phase.volume_id not in listed:
            use = "t1" if phase.volume_id in t1_images else "left_out"
            rows.append(_row(phase, use, None, *_first_said(phase)))
    return rows


def _first_said(phase: Phase) -> tuple[float | None, str, str]:
    """Return the seconds of the first rule that says some, those of a clock within its day."""
    for rule, told in phase.seconds.items():
        seconds = told.value % 86400.0 if rule in CLOCK_RULES else told.value
        return seconds, rule, told.tag
    return None, "", ""


def _row(
    phase: Phase, use: str, frame: int | None, seconds: float | None, rule: str, tag: str
) -> TimepointRow:
    index: Told | None = next(iter(phase.indices.values()), None)
    return TimepointRow(
        volume_id=phase.volume_id,
        series_uid=phase.series_uid,
        use=use,
        frame=frame,
        seconds=seconds,
        rule=rule,
        tag=tag,
        index=None if index is None else index.value,
        index_tag="" if index is None else index.tag,
        flip_deg=phase.flip_deg,
        repetition_ms=phase.repetition_ms,
        echo_ms=phase.echo_ms,
    )
