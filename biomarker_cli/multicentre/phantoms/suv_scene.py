"""The scene of the SUV phantom: what lies where, and when it was injected and scanned."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from biomarker_cli.multicentre.objects.instances import ObjectGrid, Subject
from biomarker_cli.multicentre.objects.pet import Administration, Scan
from biomarker_cli.multicentre.phantoms.boxes import Box

GRID = ObjectGrid((24, 32, 40), (4.0, 4.0, 3.5), (-78.0, -62.0, -40.25))
SUBJECT = Subject("PHANTOM-SUV", "M", 80.0, 1.80)
GIVEN = Administration("F-18", 300.0e6, datetime(2025, 1, 1, 9, 45, 0))
SCAN = Scan(datetime(2025, 1, 1, 11, 0, 0), 180.0, bed_slices=12, bed_s=600.0)

CONTENT_S = 2400.0
"""From the start of the scan to the moment at which its images were made."""

BACKGROUND = 1.0
MARKERS = (16.0, 12.0, 10.0)
"""SUV of the marker in even and odd slices of the first bed, and in the second: it is the
hottest of each slice, so that every slice has a RescaleSlope of its own."""

RAMP_START, RAMP_STEP, RAMP_FIRST = 2.0, 0.2, 2
"""SUV of the ramp: start + step x (slice - first)."""


class Part(NamedTuple):
    """A box of one SUV; a later part lies over earlier ones."""

    box: Box
    suv: float


PARTS = (
    Part(Box(4, 10, 4, 12, 4, 12), 4.0),
    Part(Box(14, 20, 4, 12, 4, 12), 0.2),
    Part(Box(4, 10, 4, 12, 16, 24), 2.0),
    Part(Box(4, 10, 4, 12, 20, 22), 2.8),
    Part(Box(4, 10, 4, 12, 16, 20), 3.6),
    Part(Box(5, 9, 6, 10, 17, 19), 8.0),
)
RAMP = Box(2, 22, 16, 32, 10, 30)
MARKER = Box(0, 24, 0, 2, 36, 38)

REGIONS = {
    "hot": Box(4, 10, 4, 12, 4, 12),
    "cold": Box(14, 20, 4, 12, 4, 12),
    "levels": Box(4, 10, 4, 12, 16, 24),
    "ramp": Box(6, 18, 20, 28, 14, 26),
}


def marker_of(z: int) -> float:
    """Return the SUV of the marker in a slice."""
    return MARKERS[2] if z >= SCAN.bed_slices else MARKERS[z % 2]


def ramp_of(z: int) -> float:
    """Return the SUV of the ramp in a slice."""
    return RAMP_START + RAMP_STEP * (z - RAMP_FIRST)


class Cell(NamedTuple):
    """Voxels of one slice that have one SUV."""

    z: int
    suv: float
    n: int


def cells(region: str) -> list[Cell]:
    """Return what a region holds, slice by slice."""
    box = REGIONS[region]
    slices = range(box.z0, box.z1)
    if region == "ramp":
        return [Cell(z, ramp_of(z), box.per_slice) for z in slices]
    if region != "levels":
        (suv,) = (part.suv for part in PARTS if part.box == box)
        return [Cell(z, suv, box.per_slice) for z in slices]
    found = []
    for z in slices:
        hottest = PARTS[5].box.per_slice if PARTS[5].box.z0 <= z < PARTS[5].box.z1 else 0
        middle = PARTS[4].box.per_slice - hottest
        found += [Cell(z, 8.0, hottest), Cell(z, 3.6, middle)]
        found += [Cell(z, 2.8, PARTS[3].box.per_slice)]
        found += [Cell(z, 2.0, box.per_slice - PARTS[3].box.per_slice - middle - hottest)]
    return [cell for cell in found if cell.n]
