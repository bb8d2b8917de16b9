"""Rows of ``registrations.csv``: how a mask of another case came to the image of this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from biomarker_cli.registration.checks import told, worst
from biomarker_cli.registration.tables import kind_of, matrix_cell
from biomarker_cli.tables.rows import RegistrationRow

if TYPE_CHECKING:
    from biomarker_cli.case.other_cases import Acceptance, CarryOrder
    from biomarker_cli.registration.carrying import CarriedMask
    from biomarker_cli.registration.registering import Registration, RoiFigures


def carried_case_rows(
    case_id: str,
    order: CarryOrder,
    found: Registration,
    masks: Sequence[CarriedMask],
    accepted: Acceptance | None,
) -> list[RegistrationRow]:
    """Return a row for the body, and one for each mask that was carried.

    Parameters
    ----------
    case_id : str
    order : CarryOrder
    found : Registration
        With figures of each mask.
    masks : sequence of CarriedMask
    accepted : Acceptance or None
        What speaks of the registration; rows that are ok need none.
    """
    by_name = {one.region.name: one for one in masks}
    return [
        _row(case_id, order, found, one, by_name.get(one.roi_id), accepted) for one in found.rois
    ]


def _row(
    case_id: str,
    order: CarryOrder,
    found: Registration,
    figures: RoiFigures,
    mask: CarriedMask | None,
    accepted: Acceptance | None,
) -> RegistrationRow:
    status = worst([figures.status, mask.status if mask else "ok"])
    taken = accepted if status != "ok" else None
    return RegistrationRow(
        case_id=case_id,
        roi_id=figures.roi_id,
        source_case_id=order.source.case_id,
        registration_id=found.registration_id,
        protocol_id=found.protocol.ident,
        protocol_sha256=found.protocol.document.sha256,
        transform=kind_of(found),
        matrix=matrix_cell(found.matrix),
        rotation_deg=found.rotation_deg,
        similarity=found.similarity,
        mirror_gain=found.mirror_gain,
        restart_gain=found.restart_gain,
        deformed_similarity=found.deformation.similarity if found.deformation else None,
        overlap_percent=figures.overlap_percent,
        displacement_mm=figures.displacement_mm,
        restart_spread_mm=figures.restart_spread_mm,
        inverse_consistency_mm=figures.inverse_consistency_mm,
        **(asdict(figures.deformed) if figures.deformed else {}),
        volume_ml=mask.volume_ml if mask else None,
        carried_volume_ml=mask.carried_volume_ml if mask else None,
        volume_change_percent=mask.volume_change_percent if mask else None,
        cut_percent=mask.cut_percent if mask else None,
        status=status,
        checks=told(figures.verdicts),
        accepted_because=taken.reason if taken else "",
        accepted_by=taken.approver if taken else "",
    )
