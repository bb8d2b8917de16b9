"""The table of b-values: what each volume is, and from which element that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from biomarker_cli.diffusion.kinds import DwiKind
from biomarker_cli.diffusion.shells import make_shells
from biomarker_cli.diffusion.volumes import DwiVolume

_MAPS = {DwiKind.ADC_MAP, DwiKind.FA_MAP}


@dataclass(frozen=True, slots=True)
class BValueRow:
    """One volume of the table.

    Attributes
    ----------
    b_value : float or None
        s/mm2, the one that a fit uses; None where there is none, and on maps,
        where an element that is there anyway means nothing.
    b_nominal, b_actual : float or None
        The value that selects (console, or cluster mean rounded to 5), and the
        one that was applied.
    kind : str
        `DwiKind`.
    rule, tag : str
        Dialect and element that said so.
    direction : tuple of float or None
    """

    volume_id: str
    series_uid: str
    b_value: float | None
    b_nominal: float | None
    b_actual: float | None
    kind: str
    rule: str
    tag: str
    n_frames: int
    direction: tuple[float, ...] | None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, by column name."""
        return asdict(self)


def b_value_rows(volumes: Sequence[DwiVolume]) -> list[BValueRow]:
    """Return one row per volume, in the order of the volumes."""
    usable = [v for v in volumes if v.kind not in _MAPS and v.b_value and v.b_value.is_usable]
    nominal = {
        volume.volume_id: shell.nominal for shell in make_shells(usable) for volume in shell.volumes
    }
    return [_row(volume, nominal) for volume in volumes]


def _row(volume: DwiVolume, nominal: dict[str, float]) -> BValueRow:
    known = volume.volume_id in nominal and volume.b_value is not None
    value = volume.b_value.value if known and volume.b_value else None
    said = volume.b_value if volume.kind not in _MAPS else None
    return BValueRow(
        volume_id=volume.volume_id,
        series_uid=volume.series_uid,
        b_value=value,
        b_nominal=nominal.get(volume.volume_id),
        b_actual=value,
        kind=volume.kind.value,
        rule=said.rule if said else "",
        tag=said.tag if said else "",
        n_frames=volume.n_frames,
        direction=volume.direction,
    )
