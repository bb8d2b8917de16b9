"""How far two readings of one unchanged diameter lie apart.

References
----------
Oxnard et al., J Clin Oncol 29:3114 (2011, PMC3157977): lung lesions on two CT scans
within 15 minutes, standard deviation of the change 2.4 mm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.response.errors import ResponseError
from biomarker_cli.tables.sealed_files import read_sealed

PUBLISHED = "published"

PUBLISHED_SD_OF_CHANGE_MM = 2.4

FEATURE = "mask.size.longest_diameter"
"""Whose repeatability is that of a diameter."""


@dataclass(frozen=True)
class ReadingError:
    """Error of one diameter.

    Attributes
    ----------
    sd_of_change_mm : float
        Of the difference of two readings.
    source : str
    """

    sd_of_change_mm: float
    source: str

    @property
    def sd_mm(self) -> float:
        """Standard deviation of one reading."""
        return self.sd_of_change_mm / math.sqrt(2)

    def limit_mm(self, n_lesions: int) -> float:
        """Return the change of a sum of lesions that error alone exceeds in one of twenty."""
        return 1.96 * self.sd_of_change_mm * math.sqrt(n_lesions)


def read_error(wanted: str) -> ReadingError:
    """Return the error of a reading, published or of a file of `biomarker repeatability`.

    Raises
    ------
    ResponseError
        ``RESPONSE-REPEATABILITY`` where the file is none, or has no such feature.
    """
    if wanted == PUBLISHED:
        return ReadingError(PUBLISHED_SD_OF_CHANGE_MM, "PMC3157977")
    path = Path(wanted)
    content = read_sealed(path, "biomarker-repeatability/1") if path.is_file() else None
    if content is None:
        raise ResponseError(
            "RESPONSE-REPEATABILITY",
            f"expected `published` or a file of `biomarker repeatability`, found {wanted}",
            hint="`biomarker repeatability TABLE -o DIR` writes DIR/repeatability.json.",
        )
    for one in content["features"]:
        if one["feature_id"] == FEATURE and one["unit"] == "mm" and one["wSD"] is not None:
            return ReadingError(math.sqrt(2) * float(one["wSD"][0]), path.name)
    raise ResponseError(
        "RESPONSE-REPEATABILITY",
        f"the file has no within-subject SD of {FEATURE} in mm",
        where=str(path),
    )
