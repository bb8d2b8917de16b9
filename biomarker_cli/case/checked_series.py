"""Acquisition checks of the series of an image: its own, and those of one that lends a mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from biomarker_cli.case.image_inputs import ImageInputs

if TYPE_CHECKING:
    from biomarker_cli.acquisition.protocol import AcquisitionProtocol
    from biomarker_cli.acquisition.results import CheckResult
    from biomarker_cli.acquisition.series import SeriesHeaders
    from biomarker_cli.acquisition.waivers import WaiverSet
    from biomarker_cli.case.inputs import CaseInputs

EXCLUDED_FLAG = "mask_source_excluded"


def series_checks(
    acquisition: AcquisitionProtocol, waivers: WaiverSet | None, series: Sequence[SeriesHeaders]
) -> list[CheckResult]:
    """Return the checks of each series, those that the study waives marked."""
    # Files of other formats have no header, so that their cases do without the room.
    from biomarker_cli.acquisition.evaluating import evaluate

    checks = evaluate(acquisition, series, scopes=("series",))
    return waivers.apply(checks) if waivers else list(checks)


def broken_rules(checks: Sequence[CheckResult]) -> list[str]:
    """Return the rules that a protocol calls an error, and that do not hold."""
    return [c.rule_id for c in checks if c.outcome == "fail" and c.severity == "error"]


def flags_of_mask_source(case: CaseInputs) -> frozenset[str]:
    """Return what is wrong with the image on which a mask was drawn that a case takes.

    It is checked as its own case is: against the protocol, and with the waivers, of its
    role. Where the study leaves such a case out, its mask is none that the study took.

    Parameters
    ----------
    case : CaseInputs
        Of a plan that names a mask to carry.

    Raises
    ------
    HeaderError
        Where the headers of that image cannot be read.
    """
    order = case.plan.carried
    if order is None or order.rules is None or order.source.image.is_declared:
        return frozenset()
    from biomarker_cli.acquisition.series import series_of
    from biomarker_cli.catalogue.choosing import named_images

    source, rules = order.source, order.rules
    if rules.takes_every_volume:
        volumes = named_images(source.image.candidates, source.image.series)
    else:
        volumes = ImageInputs(case, source.image, source.mask).candidates()
    role = source.case_id.rpartition("/")[2]
    series = [
        one.in_study(role, case.plan.subject) for one in series_of(volumes, case.dicom.frames)
    ]
    broken = broken_rules(series_checks(rules.acquisition, rules.waivers, series))
    flags = {f"mask_source_acq_fail:{rule}" for rule in broken}
    if broken and case.plan.on_violation == "exclude":
        flags.add(EXCLUDED_FLAG)
    return frozenset(flags)
