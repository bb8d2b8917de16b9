"""Write the objects of a phantom, its regions, and the sheet to fill in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage, PositronEmissionTomographyImageStorage

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.multicentre.objects.ct import write_ct
from biomarker_cli.multicentre.objects.dwi import DwiObject, Weighting, write_dwi
from biomarker_cli.multicentre.objects.instances import ObjectGrid, Subject, decimal
from biomarker_cli.multicentre.objects.pet import PetObject, write_pet
from biomarker_cli.multicentre.objects.rtstruct import (
    ObjectContour,
    Structure,
    rectangle,
    write_rtstruct,
)
from biomarker_cli.multicentre.objects.seg import write_seg
from biomarker_cli.multicentre.objects.spoiled_echo import EchoObject, write_echoes
from biomarker_cli.multicentre.phantoms import adc, placed, rtstruct, seg, suv, t1, texture
from biomarker_cli.multicentre.phantoms import suv_scene as scene
from biomarker_cli.multicentre.phantoms.boxes import Box
from biomarker_cli.multicentre.phantoms.sheet import sheet_text
from biomarker_cli.multicentre.phantoms.truth import Phantom

IMAGE, REGIONS_FILE, SEG_FILE, SHEET = "image", "regions.dcm", "segmentation.dcm", "sheet.csv"


def write_phantom(phantom: Phantom, folder: Path) -> list[Path]:
    """Write the objects and the sheet of a phantom, and return the paths.

    Parameters
    ----------
    phantom : Phantom
    folder : Path
        Made where it does not exist: ``image/`` with the series, ``regions.dcm`` (RT
        Structure Set) or ``segmentation.dcm``, and ``sheet.csv``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = _WRITERS[phantom.kind](phantom, folder)
    sheet = folder / SHEET
    sheet.write_text(sheet_text(phantom), encoding="utf-8", newline="\n")
    return [*paths, sheet]


def _suv(phantom: Phantom, folder: Path) -> list[Path]:
    pet = PetObject(scene.SUBJECT, scene.GRID, suv_image(), scene.GIVEN, scene.SCAN)
    made = scene.SCAN.start + timedelta(seconds=scene.CONTENT_S)

    def later(dataset: Dataset, _z: int) -> None:
        dataset.ContentTime = f"{made:%H%M%S}"

    paths = write_pet(folder / IMAGE, pet, phantom.dialect, later)
    sop_class = PositronEmissionTomographyImageStorage
    return [*paths, _boxes(folder, scene.REGIONS, scene.GRID, scene.SUBJECT, "pet", sop_class)]


def suv_image() -> FloatArray:
    """Return SUV by body weight of the SUV phantom, shape (z, y, x)."""
    image = np.full(scene.GRID.shape, scene.BACKGROUND)
    for part in scene.PARTS:
        image[_slices(part.box)] = part.suv
    for z in range(scene.RAMP.z0, scene.RAMP.z1):
        image[_slices(scene.RAMP._replace(z0=z, z1=z + 1))] = scene.ramp_of(z)
    for z in range(scene.GRID.shape[0]):
        image[_slices(scene.MARKER._replace(z0=z, z1=z + 1))] = scene.marker_of(z)
    return image


def _adc(phantom: Phantom, folder: Path) -> list[Path]:
    along = [adc_image(fibre) for fibre in adc.FIBRE_MM2_S]
    # Without a direction: the little b that is applied there weights as their mean does.
    volumes = [_weighting(phantom, 0, adc_image(sum(adc.FIBRE_MM2_S) / 3.0), None)]
    for shell in range(1, len(adc.B_S_MM2)):
        volumes += [_weighting(phantom, shell, along[i], i) for i in range(3)]
    dwi = DwiObject(adc.SUBJECT, adc.GRID, volumes)
    paths = write_dwi(folder / IMAGE, dwi, phantom.dialect)
    n_slices = adc.GRID.shape[0] if len(paths) > len(volumes) else 1
    grid, subject = adc.GRID, adc.SUBJECT
    regions = _boxes(folder, adc.REGIONS, grid, subject, "dwi", MRImageStorage, n_slices)
    return [*paths, regions]


def _weighting(phantom: Phantom, shell: int, adc_mm2_s: FloatArray, axis: int | None) -> Weighting:
    b = adc.applied_b(phantom.dialect)[shell]
    direction = None if axis is None else adc.DIRECTIONS[axis]
    return Weighting(b, adc.S0 * np.exp(-b * adc_mm2_s), direction, adc.B_S_MM2[shell])


def adc_image(fibre_mm2_s: float) -> FloatArray:
    """Return ADC of the phantom where the fibre has a given one, mm2/s, shape (z, y, x)."""
    image = np.full(adc.GRID.shape, adc.BACKGROUND_MM2_S)
    for name, value in adc.VIALS.items():
        image[_slices(adc.REGIONS[name])] = value
    image[_slices(adc.REGIONS["fibre"])] = fibre_mm2_s
    ramp = adc.REGIONS["ramp"]
    image[_slices(ramp)] = adc.RAMP_START + adc.RAMP_STEP * np.arange(ramp.x1 - ramp.x0)
    return image


def _t1(phantom: Phantom, folder: Path) -> list[Path]:
    t1_ms = np.full(t1.GRID.shape, t1.BACKGROUND_MS)
    for name, value in t1.VIALS_MS.items():
        t1_ms[_slices(t1.REGIONS[name])] = value
    m0 = np.full(t1.GRID.shape, t1.M0)
    echoes = EchoObject(t1.SUBJECT, t1.GRID, t1_ms, m0, t1.TR_MS, t1.FLIPS_DEG)
    paths = write_echoes(folder / IMAGE, echoes, phantom.dialect)
    first = f"flip{t1.FLIPS_DEG[0]:g}"
    regions = _boxes(folder, t1.REGIONS, t1.GRID, t1.SUBJECT, first, MRImageStorage)
    return [*paths, regions]


def _texture(_phantom: Phantom, folder: Path) -> list[Path]:
    paths = write_ct(folder / IMAGE, texture.GRID, texture_image(), texture.SUBJECT)
    return [*paths, _boxes(folder, texture.REGIONS, texture.GRID, texture.SUBJECT, "ct")]


def texture_image() -> FloatArray:
    """Return HU of the texture phantom, shape (z, y, x)."""
    image = np.full(texture.GRID.shape, texture.BACKGROUND_HU)
    z, y, x = np.indices((texture.SIDE,) * 3)
    changing = {"checker": z + y + x, "stripes": x}
    levels = np.array([texture.LOW_HU, texture.HIGH_HU])
    image[_slices(texture.REGIONS["uniform"])] = texture.UNIFORM_HU
    image[_slices(texture.REGIONS["gradient"])] = texture.UNIFORM_HU + texture.STEP_HU * x
    for name, steps in changing.items():
        image[_slices(texture.REGIONS[name])] = levels[steps % 2]
    return image


def placed_image() -> FloatArray:
    """Return HU of the image of the segmentation phantoms, shape (z, y, x)."""
    index = np.indices(placed.GRID.shape, dtype=np.float64)
    image: FloatArray = placed.START_HU + np.tensordot(placed.ALONG, index, axes=1)
    return image


def _placed(folder: Path) -> list[Path]:
    def thinner(dataset: Dataset, _z: int) -> None:
        dataset.SliceThickness = decimal(placed.SLICE_THICKNESS_MM)

    image = placed_image()
    return write_ct(folder / IMAGE, placed.GRID, image, placed.SUBJECT, change=thinner)


def _rtstruct(_phantom: Phantom, folder: Path) -> list[Path]:
    paths = _placed(folder)
    structures = rtstruct.structures()

    def turned(dataset: Dataset, _index: int) -> None:
        # Names and contours pair by number: their places in the file differ.
        dataset.ROIContourSequence = dataset.ROIContourSequence[::-1]

    target = folder / REGIONS_FILE
    write_rtstruct(target, structures, placed.SUBJECT, n_slices=len(paths), change=turned)
    return [*paths, target]


def _seg(_phantom: Phantom, folder: Path) -> list[Path]:
    paths = _placed(folder)
    return [*paths, write_seg(folder / SEG_FILE, paths, seg.masks(), [*seg.REGIONS])]


def _slices(box: Box) -> tuple[slice, slice, slice]:
    return slice(box.z0, box.z1), slice(box.y0, box.y1), slice(box.x0, box.x1)


def _boxes(
    folder: Path,
    regions: Mapping[str, Box],
    grid: ObjectGrid,
    subject: Subject,
    series: str,
    sop_class: str = "",
    n_slices: int = 0,
) -> Path:
    """Write boxes as contours halfway between voxel centres."""
    structures = [Structure(name, [*_outlines(grid, box)]) for name, box in regions.items()]

    def of_class(dataset: Dataset, _index: int) -> None:
        for item in _image_references(dataset):
            item.ReferencedSOPClassUID = sop_class or item.ReferencedSOPClassUID

    return write_rtstruct(
        folder / REGIONS_FILE,
        structures,
        subject,
        image_series=series,
        n_slices=n_slices or grid.shape[0],
        change=of_class,
    )


def _outlines(grid: ObjectGrid, box: Box) -> Iterator[ObjectContour]:
    low, high = (box.x0 - 0.5, box.y0 - 0.5), (box.x1 - 0.5, box.y1 - 0.5)
    return (rectangle(grid, z, low, high) for z in range(box.z0, box.z1))


def _image_references(dataset: Dataset) -> Sequence[Dataset]:
    (frame,) = dataset.ReferencedFrameOfReferenceSequence
    (study,) = frame.RTReferencedStudySequence
    (series,) = study.RTReferencedSeriesSequence
    return list(series.ContourImageSequence)


_WRITERS: Mapping[str, Callable[[Phantom, Path], list[Path]]] = MappingProxyType(
    {
        suv.KIND: _suv,
        adc.KIND: _adc,
        t1.KIND: _t1,
        texture.KIND: _texture,
        rtstruct.KIND: _rtstruct,
        seg.KIND: _seg,
    }
)
