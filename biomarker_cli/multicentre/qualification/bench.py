"""The bench that suites work on: a folder for objects, the data they may need, readers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.reading import read_volume
from biomarker_cli.multicentre.qualification.checks import SuiteResult
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

if TYPE_CHECKING:
    from biomarker_cli.catalogue.candidate import VolumeCandidate
    from biomarker_cli.imaging.volume import Volume
    from biomarker_cli.regions.result import RoiResult

DATA = Path(__file__).parent / "data"
"""Published values, and values that are shipped."""


@dataclass(frozen=True)
class Bench:
    """Where suites measure, and with what.

    Attributes
    ----------
    folder : Path
        For the objects that they write; its own for each suite.
    data : Path or None
        Reference data that cannot be shipped.
    engine : str
        The engine of radiomics that is qualified; empty for all that are installed.
    """

    folder: Path
    data: Path | None = None
    engine: str = ""

    def of_suite(self, name: str) -> Bench:
        """Return the bench of one suite."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return Bench(folder, self.data, self.engine)


Suite = Callable[[Bench], SuiteResult]


def candidates(*folders: Path) -> tuple[VolumeCandidate, ...]:
    """Return what the catalogue finds below folders."""
    return scan(list(folders)).candidates


def one_volume(folder: Path) -> Volume:
    """Read the one volume of a folder, as a run does.

    Raises
    ------
    CaseError
        Where it is refused.
    ValueError
        Where there is not one.
    """
    found = scan([folder]).volumes
    if len(found) != 1:
        raise ValueError(f"expected one volume, found {len(found)}")
    return read_volume(found[0])


def regions_on(volume: Volume, mask: Path, rules: RegionRules | None = None) -> list[RoiResult]:
    """Import the regions of a segmentation onto a volume."""
    return import_regions(mask, ImageTarget.from_volume(volume), rules or RegionRules())


def named(results: Sequence[RoiResult]) -> dict[str, RoiResult]:
    """Return regions by their labels."""
    return {result.roi_label: result for result in results}
