"""Prepare the image of a case for one analysis, by the room of its measure."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from biomarker_cli.case.measures import MeasureContext, measure_names, measure_room
from biomarker_cli.catalogue.errors import ImageError
from biomarker_cli.imaging.prepared_image import DerivedVolume

if TYPE_CHECKING:
    from biomarker_cli.case.analysis import Analysis, AnalysisProtocol
    from biomarker_cli.case.image_inputs import ImageInputs
    from biomarker_cli.case.inputs import CaseInputs
    from biomarker_cli.imaging.prepared_image import PreparedImage
    from biomarker_cli.imaging.volume import Volume


def prepare(case: CaseInputs, analysis: Analysis) -> PreparedImage:
    """Read the image and turn it into the quantity that an analysis measures.

    Raises
    ------
    CaseError
        With the code of the room that refuses.
    """
    image = case.image_of(analysis)
    _require_modality(image, analysis)
    plan = case.plan
    # A map is made of what was read: no further section is asked for it.
    alone = MeasureContext(plan.form, plan.overrides, DerivedVolume, case.images)
    quantity_of = partial(_quantity_of, analysis.protocol, alone)
    context = MeasureContext(plan.form, plan.overrides, quantity_of, case.images)
    return analysis.room.prepare(image, analysis.rules, context)


def _require_modality(image: ImageInputs, analysis: Analysis) -> None:
    if image.is_declared:
        return
    found = {c.modality for c in image.candidates()}
    wanted = analysis.modalities
    if wanted and not found <= set(wanted):
        raise ImageError(
            "IMAGE-MODALITY",
            f"{analysis.protocol.id} measures {' or '.join(wanted)}, "
            f"found {', '.join(sorted(found))}",
            hint="Choose the analysis that fits, or the right series.",
        )


def _quantity_of(
    protocol: AnalysisProtocol, context: MeasureContext, volume: Volume
) -> DerivedVolume:
    """Return a volume in the quantity that a section beside that of the measure says."""
    for name in measure_names():
        rules = protocol.section(name)
        if name == protocol.measure or rules is None:
            continue
        derive = measure_room(name).derived_volume
        derived = derive(volume, rules, context) if derive is not None else None
        if derived is not None:
            return derived
    return DerivedVolume(volume)
