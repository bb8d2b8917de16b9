"""Three synthetic cases, written as DICOM and planned as a study plans them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.case.plan import CasePlan, ImagePlan
from biomarker_cli.multicentre.objects.ct import write_ct
from biomarker_cli.multicentre.objects.dwi import DwiObject, Weighting, signal_of, write_dwi
from biomarker_cli.multicentre.objects.instances import ObjectGrid, Subject
from biomarker_cli.multicentre.objects.pet import PetObject, write_pet
from biomarker_cli.multicentre.objects.rtstruct import Structure, circle, write_rtstruct
from biomarker_cli.multicentre.objects.seg import write_seg
from biomarker_cli.multicentre.qualification.bench import candidates
from biomarker_cli.multicentre.qualification.truths.texture import ellipsoid, texture

SITE = "VERIFY"

_CT_GRID = ObjectGrid((14, 40, 44), (1.0, 1.2, 2.0), (-20.0, -24.0, 5.0))
_PET_GRID = ObjectGrid((12, 16, 18), (4.0, 4.0, 3.0))
_DWI_GRID = ObjectGrid((6, 16, 18), (2.0, 2.0, 5.0))
_DIRECTIONS = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def synthetic_plans(folder: Path) -> list[CasePlan]:
    """Write the cases below a folder and return their plans."""
    return [_ct(folder / "ct"), _pet(folder / "pet"), _dwi(folder / "dwi")]


def _plan(role: str, folder: Path, mask: Path, analyses: Sequence[str]) -> CasePlan:
    image = ImagePlan(role, candidates(folder))
    paths = [ref.path for volume in image.volumes for ref in volume.refs]
    return CasePlan(
        site_id=SITE,
        subject_id="S1",
        timepoint="T1",
        role=role,
        images=(image,),
        mask=mask,
        analyses=tuple(load_analysis(one) for one in analyses),
        input_paths=(*dict.fromkeys(paths), mask),
    )


def _ct(folder: Path) -> CasePlan:
    subject = Subject("VERIFY-RUN-CT")
    hu = texture(_CT_GRID, 300, seed=1) - 120.0
    write_ct(folder / "image", _CT_GRID, hu, subject)
    structures = [
        Structure("GTV", [circle(_CT_GRID, z, (18.3, 20.1), 11.2) for z in range(3, 11)]),
        Structure("NODE", [circle(_CT_GRID, z, (31.7, 34.9), 6.4) for z in range(4, 9)]),
    ]
    mask = write_rtstruct(
        folder / "mask" / "rs.dcm", structures, subject, n_slices=_CT_GRID.shape[0]
    )
    return _plan("ct", folder / "image", mask, ("radiomics-ct@1.0.0",))


def _pet(folder: Path) -> CasePlan:
    subject = Subject("VERIFY-RUN-PT", "F", 63.0, 1.66)
    suv = 0.5 + texture(_PET_GRID, 120, seed=2) / 10.0
    pet = PetObject(subject, _PET_GRID, suv)
    images = write_pet(folder / "image", pet, "siemens")
    inside = ellipsoid(_PET_GRID, (8.0, 7.0, 5.0), (4.2, 4.2, 4.6))
    liver = ellipsoid(_PET_GRID, (13.0, 11.0, 5.0), (3.1, 3.1, 3.1))
    mask = write_seg(
        folder / "mask" / "seg.dcm", images, np.stack([inside, liver]), ("GTV", "LIVER")
    )
    return _plan("pet", folder / "image", mask, ("fdg-suv@1.0.0",))


def _dwi(folder: Path) -> CasePlan:
    subject = Subject("VERIFY-RUN-MR")
    adc = 0.6e-3 + texture(_DWI_GRID, 200, seed=3) * 1e-5
    volumes = [Weighting(0.0, signal_of(2000.0, adc, 0.0))]
    volumes += [
        Weighting(b, signal_of(2000.0, adc * share, b), direction)
        for b in (400.0, 800.0)
        for share, direction in zip((0.9, 1.0, 1.1), _DIRECTIONS, strict=True)
    ]
    images = write_dwi(folder / "image", DwiObject(subject, _DWI_GRID, volumes), "siemens")
    inside = ellipsoid(_DWI_GRID, (8.0, 7.0, 2.5), (5.2, 4.8, 2.2))
    n_slices = _DWI_GRID.shape[0]
    mask = write_seg(folder / "mask" / "seg.dcm", images[:n_slices], inside[np.newaxis], ("GTV",))
    return _plan("dwi", folder / "image", mask, ("dwi-adc@1.0.0",))
