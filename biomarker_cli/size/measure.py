"""Size as a measure of a case: its section ``size:``, diameters of lesions slice by slice."""

from __future__ import annotations

from biomarker_cli.catalogue.case_image import CaseImage, ProposedRole
from biomarker_cli.imaging.prepared_image import PreparedImage, one_by_one
from biomarker_cli.model.version import __version__
from biomarker_cli.size.measuring import size_measurements
from biomarker_cli.size.planes import slices_of
from biomarker_cli.size.rules import SizeRules

SECTION = SizeRules
MODALITIES = ("CT", "MR")
CASE_ROLE = "image"
ROLES: tuple[ProposedRole, ...] = ()
EVERY_VOLUME = False
derived_volume = None
required_regions = None
maps = None


def engine(_rules: SizeRules) -> tuple[str, str]:
    """Return name and version of what computes."""
    return "biomarker", __version__


def prepare(image: CaseImage, rules: SizeRules, _context: object) -> PreparedImage:
    """Return the image of a case, with the diameters of its rules.

    Parameters
    ----------
    image : CaseImage
    rules : SizeRules

    Raises
    ------
    SizeError, ImageError, SeriesError
        ``RESPONSE-PLANE-CHANGED`` where the slices are of another plane.
    """
    slices = slices_of(image.volume(), rules.plane)
    return PreparedImage(
        slices.volume,
        one_by_one(lambda region, _others: size_measurements(slices, region, rules)),
    )
