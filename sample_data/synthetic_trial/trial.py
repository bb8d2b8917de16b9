"""The trial as a table: centres, visits, scans, lesions and their true values.

Lengths are in mm in DICOM patient coordinates (LPS), axes ordered x, y, z.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

Point = tuple[float, float, float]

BODY_RADIUS_MM = 80.0
"""Radius of the water cylinder, whose axis is the z axis of the patient."""

CHECKER_HU = 10
"""Amplitude of the checkerboard inside CT lesions, so also its population SD."""


@dataclass(frozen=True)
class Ball:
    """A sphere with one true value.

    Attributes
    ----------
    roi_id : str
        Canonical name, as the truth table uses it.
    label : str
        Name inside the segmentation file of the centre.
    centre_mm, radius_mm
        Geometry of the segmented sphere; the phantom's material goes further
        out, so that no voxel on its border is mixed.
    value : float
        HU (CT), SUVbw (PET) or ADC in mm2/s (DWI).
    """

    roi_id: str
    label: str
    centre_mm: Point
    radius_mm: float
    value: float


@dataclass(frozen=True)
class Grid:
    """Voxel grid of one series, axial, rows along +x and columns along +y.

    Attributes
    ----------
    size : tuple of int
        Number of voxels along x, y, z.
    spacing_mm : tuple of float
        Distance of voxel centres along x, y, z.
    origin_mm : tuple of float
        Centre of the first voxel.
    """

    size: tuple[int, int, int]
    spacing_mm: Point
    origin_mm: Point

    def z_mm(self, k: int) -> float:
        """Return the z coordinate of slice ``k``, free of float dust."""
        return round(self.origin_mm[2] + k * self.spacing_mm[2], 4)

    @property
    def half_diagonal_mm(self) -> float:
        """Half the diagonal of a voxel."""
        return 0.5 * math.hypot(*self.spacing_mm)


@dataclass(frozen=True)
class Scanner:
    """The equipment of one centre for one modality."""

    model: str
    station: str
    software: str


@dataclass(frozen=True)
class Centre:
    """What all visits of a centre share."""

    site_id: str
    institution: str
    ct: Scanner
    pet: Scanner
    mr: Scanner
    field_strength_t: float
    echo_time_ms: float
    repetition_time_ms: float
    convolution_kernel: str


@dataclass(frozen=True)
class Patient:
    """A synthetic patient; nobody's data."""

    patient_id: str
    name: str
    sex: str
    birth_date: str
    height_m: float


@dataclass(frozen=True)
class Visit:
    """One timepoint of one subject: a CT, a PET and a DWI series."""

    centre: Centre
    patient: Patient
    subject_id: str
    timepoint: str
    age: str
    weight_kg: float
    injected_bq: float
    injection: datetime
    uptake_min: int
    ct_grid: Grid
    pet_grid: Grid
    dwi_grid: Grid
    ct_balls: tuple[Ball, ...]
    pet_balls: tuple[Ball, ...]
    dwi_balls: tuple[Ball, ...]

    @property
    def key(self) -> str:
        """Return the identity of the visit, ``site/subject/timepoint``."""
        return f"{self.centre.site_id}/{self.subject_id}/{self.timepoint}"

    @property
    def folder(self) -> str:
        """Folder of the visit relative to the sample data."""
        return f"{self.centre.site_id.lower()}/{self.subject_id}/{self.timepoint}"

    @property
    def study_date(self) -> str:
        """DICOM date of the visit."""
        return self.injection.strftime("%Y%m%d")

    @property
    def pet_start(self) -> datetime:
        """Start of the first PET bed, which is also the decay reference."""
        return self.injection + timedelta(minutes=self.uptake_min)


CENTRE_A = Centre(
    site_id="CENTRE_A",
    institution="Synthetic Centre A",
    ct=Scanner("SYN-CT 1", "SYNCTA", "1.0"),
    pet=Scanner("SYN-PET 1", "SYNPTA", "1.0"),
    mr=Scanner("SYN-MR 1", "SYNMRA", "1.0"),
    field_strength_t=1.5,
    echo_time_ms=80.0,
    repetition_time_ms=5000.0,
    convolution_kernel="SOFT",
)
CENTRE_B = Centre(
    site_id="CENTRE_B",
    institution="Synthetic Centre B",
    ct=Scanner("SYN-CT 2", "SYNCTB", "2.3"),
    pet=Scanner("SYN-PET 2", "SYNPTB", "2.1"),
    mr=Scanner("SYN-MR 2", "SYNMRB", "2.0"),
    field_strength_t=3.0,
    echo_time_ms=65.0,
    repetition_time_ms=5800.0,
    convolution_kernel="STANDARD",
)
PATIENT_A = Patient("SYN-A-001", "SYNTHETIC^A", "F", "19630214", 1.72)
PATIENT_B = Patient("SYN-B-002", "SYNTHETIC^B", "M", "19561130", 1.80)

CT_GRID_A = Grid((96, 96, 36), (2.0, 2.0, 2.5), (-94.3, -95.9, -44.0))
CT_GRID_B = Grid((96, 96, 20), (1.9, 1.9, 6.0), (-89.4, -91.1, -57.0))
PET_GRID_A = Grid((64, 64, 28), (4.0, 4.0, 3.27), (-125.2, -127.1, -44.3))
PET_GRID_B = Grid((64, 64, 30), (4.07, 4.07, 4.0), (-127.3, -129.4, -58.2))
DWI_GRID_A = Grid((64, 64, 20), (3.0, 3.0, 4.0), (-93.2, -95.1, -38.4))
DWI_GRID_B = Grid((64, 64, 20), (2.75, 2.75, 4.0), (-85.7, -87.9, -38.4))

# Centres lie off the voxel centres and planes of symmetry of the grids, so that no
# voxel centre is nearer than 0.007 mm to a surface: rounding cannot move a voxel.
_GTV_A: Point = (27.7, -15.24, 2.96)
_NODE_A: Point = (-31.07, 22.48, -7.88)
_LIVER_A: Point = (-36.53, -19.79, -9.98)
_MR_GTV_A: Point = (24.54, -16.24, 1.33)
_MR_MUSCLE_A: Point = (-30.43, 21.68, -4.06)
_GTV_B: Point = (24.73, -16.87, 3.96)
_NODE_B: Point = (-34.29, 20.05, -8.34)
_LIVER_B: Point = (-37.07, -18.37, -10.78)
_MR_GTV_B: Point = (23.28, -18.17, 2.41)
_MR_MUSCLE_B: Point = (-32.78, 20.02, -2.39)

VISITS: tuple[Visit, ...] = (
    Visit(
        centre=CENTRE_A,
        patient=PATIENT_A,
        subject_id="S0001",
        timepoint="T1",
        age="061Y",
        weight_kg=70.0,
        injected_bq=280.0e6,
        injection=datetime(2024, 3, 11, 9, 0, 0),
        uptake_min=60,
        ct_grid=CT_GRID_A,
        pet_grid=PET_GRID_A,
        dwi_grid=DWI_GRID_A,
        ct_balls=(
            Ball("GTV", "GTV-1", _GTV_A, 16.0, 60.0),
            Ball("NODE", "Node", _NODE_A, 10.0, 40.0),
        ),
        pet_balls=(
            Ball("GTV", "GTV", _GTV_A, 16.0, 8.0),
            Ball("LIVER", "LIVER", _LIVER_A, 15.0, 2.0),
        ),
        dwi_balls=(
            Ball("GTV", "GTV", _MR_GTV_A, 16.0, 0.9e-3),
            Ball("MUSCLE", "MUSCLE", _MR_MUSCLE_A, 14.0, 1.5e-3),
        ),
    ),
    Visit(
        centre=CENTRE_A,
        patient=PATIENT_A,
        subject_id="S0001",
        timepoint="T2",
        age="061Y",
        weight_kg=68.5,
        injected_bq=274.0e6,
        injection=datetime(2024, 6, 3, 13, 10, 0),
        uptake_min=62,
        ct_grid=CT_GRID_A,
        pet_grid=PET_GRID_A,
        dwi_grid=DWI_GRID_A,
        ct_balls=(
            Ball("GTV", "GTV-1", _GTV_A, 12.0, 50.0),
            Ball("NODE", "Node", _NODE_A, 8.0, 35.0),
        ),
        pet_balls=(
            Ball("GTV", "GTV", _GTV_A, 12.0, 5.0),
            Ball("LIVER", "LIVER", _LIVER_A, 15.0, 2.0),
        ),
        dwi_balls=(
            Ball("GTV", "GTV", _MR_GTV_A, 12.0, 1.2e-3),
            Ball("MUSCLE", "MUSCLE", _MR_MUSCLE_A, 14.0, 1.5e-3),
        ),
    ),
    Visit(
        centre=CENTRE_B,
        patient=PATIENT_B,
        subject_id="S0002",
        timepoint="T1",
        age="067Y",
        weight_kg=82.0,
        injected_bq=310.0e6,
        injection=datetime(2024, 4, 15, 8, 25, 0),
        uptake_min=95,
        ct_grid=CT_GRID_B,
        pet_grid=PET_GRID_B,
        dwi_grid=DWI_GRID_B,
        ct_balls=(
            Ball("GTV", "gtv_primary", _GTV_B, 20.0, 55.0),
            Ball("NODE", "LN", _NODE_B, 15.0, 45.0),
        ),
        pet_balls=(
            Ball("GTV", "GTV", _GTV_B, 20.0, 6.0),
            Ball("LIVER", "LIVER", _LIVER_B, 15.0, 2.0),
        ),
        dwi_balls=(
            Ball("GTV", "GTV", _MR_GTV_B, 18.0, 0.8e-3),
            Ball("MUSCLE", "MUSCLE", _MR_MUSCLE_B, 14.0, 1.5e-3),
        ),
    ),
)
