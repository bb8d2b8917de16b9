"""Whole inputs, made by the test helpers and taken from the sample trial."""

from __future__ import annotations

import shutil
import struct
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import yaml
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ImplicitVRLittleEndian, RLELossless
from synthetic_dicom_seg import write_seg
from synthetic_dwi import Spec, write_dwi
from synthetic_pet import enhanced_header, private, write_pet
from synthetic_reports import small_report, write_report
from synthetic_segmentations import Roi, cylinder, write_structure_set
from synthetic_series import axial, slice_dataset, uid, write, write_series
from test_image_mutations import GRID as IMAGE_GRID
from test_image_mutations import NAMES, whole_image

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.schema import FEATURES, MEASUREMENTS
from biomarker_cli.tables.writing import write_table

CHECKOUT = Path(__file__).resolve().parents[3]
SAMPLE = CHECKOUT / "sample_data" / "centre_a" / "S0001" / "T1"
GRID = Geometry((4, 6, 5), (1.0, 2.0, 3.0), (-10.0, -20.0, 0.0))
"""The grid of the series and of the segmentations; label images lie on `IMAGE_GRID`."""

TRIAL_GRIDS = {
    "ct": GRID,
    "pet": Geometry((3, 4, 5), (4.0, 4.0, 4.0)),
    "dwi": Geometry((3, 4, 5), (1.0, 2.0, 3.0)),
}

SERIES = ("ct", "pet", "dwi", "implicit", "enhanced", "mosaic")
NUMBER_TYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8")


@dataclass
class Seeds:
    """Inputs by name.

    Attributes
    ----------
    dicom, images, masks, texts : dict
        Name -> bytes of a file; `texts` by the kind of file.
    reports : dict
        Structured reports.
    pixels : dict
        DICOM images of every way to store numbers.
    series : dict
        Name -> file name -> bytes: the files of a series.
    grids : dict
        Name of a mask -> geometry of its image.
    """

    dicom: dict[str, bytes] = field(default_factory=dict)
    pixels: dict[str, bytes] = field(default_factory=dict)
    images: dict[str, bytes] = field(default_factory=dict)
    masks: dict[str, bytes] = field(default_factory=dict)
    grids: dict[str, Geometry] = field(default_factory=dict)
    reports: dict[str, bytes] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    series: dict[str, dict[str, bytes]] = field(default_factory=dict)


def make_seeds(folder: Path) -> Seeds:
    """Return all inputs; files are written below a folder on the way."""
    seeds = Seeds()
    _write_series(folder)
    for name in SERIES:
        files = sorted((folder / name).iterdir())
        seeds.series[name] = {path.name: path.read_bytes() for path in files}
        seeds.dicom[name] = files[0].read_bytes()
    for name in ("ct", "pet", "dwi"):
        seeds.dicom[f"sample {name}"] = min((SAMPLE / name / "image").iterdir()).read_bytes()
    seeds.dicom["sample seg"] = (SAMPLE / "pet" / "seg.dcm").read_bytes()
    for name in NAMES:
        seeds.images[name] = seeds.masks[name] = whole_image(folder, name)
        seeds.grids[name] = IMAGE_GRID
    for path in _segmentations(folder):
        seeds.masks[path.name] = seeds.dicom[path.name] = path.read_bytes()
        seeds.grids[path.name] = GRID
    for kind in NUMBER_TYPES:
        for how in ("native", "rle"):
            if how == "native" or kind[0] != "f":
                name = f"{kind} {how}"
                seeds.pixels[name] = write(pixel_dataset(kind, how), folder / "p.dcm").read_bytes()
    seeds.reports["report"] = write_report(small_report(), folder / "sr.dcm").read_bytes()
    seeds.texts = _texts()
    return seeds


def _write_series(folder: Path) -> None:
    places = axial(0.0, 3.0, 6.0, 9.0)
    write_series(folder / "ct", places, rows=6, series="ct")
    write_series(folder / "implicit", places, rows=6, series="implicit", change=_implicit)
    write_pet(folder / "pet", private(0x7053, "Philips PET Private Group", 0x00, "DS", "1.5"))
    directions = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    specs = [Spec(0.0), *(Spec(800.0, direction) for direction in directions)]
    write_dwi(folder / "dwi", specs)
    write(_enhanced(), folder / "enhanced" / "e.dcm")
    write(_mosaic(), folder / "mosaic" / "m.dcm")


def _implicit(_index: int, dataset: Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3"
    dataset.ReferencedImageSequence = Sequence([item, Dataset()])
    dataset["ReferencedImageSequence"].is_undefined_length = True


def _enhanced() -> Dataset:
    dataset = slice_dataset((0.0, 0.0, 0.0), np.arange(60).reshape(12, 5), series="enhanced")
    kept = dataset.SeriesInstanceUID, dataset.StudyInstanceUID
    del dataset.ImagePositionPatient, dataset.RescaleSlope, dataset.RescaleIntercept
    dataset.update(enhanced_header((1.0, 2.0, 1.0)))
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID = kept
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.Rows = 4
    return dataset


def _mosaic() -> Dataset:
    dataset = slice_dataset((0, 0, 0), np.arange(96).reshape(8, 12), series="mosaic")
    dataset.Modality = "MR"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "VFRAME"]
    del dataset.ImagePositionPatient
    block = dataset.private_block(0x0065, "Image Private Header", create=True)
    items = []
    for number in range(4):
        item = Dataset()
        item.ImagePositionPatient = [-10.0, -20.0, 4.0 * number]
        items.append(item)
    block.add_new(0x51, "SQ", Sequence(items))
    return dataset


def pixel_dataset(kind: str, how: str, shape: tuple[int, ...] = (2, 3, 5)) -> Dataset:
    """Return an image of numbers of a type, with rubbish in bits that are not used."""
    rng = np.random.default_rng([*kind.encode(), *shape])
    dtype = np.dtype(f"<{kind}")
    dataset = slice_dataset((0.0, 0.0, 0.0), np.zeros(shape[-2:]), series=f"pixels {kind} {how}")
    dataset.NumberOfFrames = shape[0]
    dataset.BitsAllocated = 8 * dtype.itemsize
    content = rng.integers(0, 256, int(np.prod(shape)) * dtype.itemsize, dtype=np.uint8).tobytes()
    del dataset.PixelData
    if dtype.kind == "f":
        numbers = np.linspace(-3.0, 5.0, int(np.prod(shape))).astype(dtype)
        setattr(dataset, {4: "FloatPixelData"}.get(dtype.itemsize, "DoubleFloatPixelData"), b"")
        element = dataset["FloatPixelData" if dtype.itemsize == 4 else "DoubleFloatPixelData"]
        element.value = numbers.tobytes()
        for keyword in ("BitsStored", "HighBit", "PixelRepresentation"):
            delattr(dataset, keyword)
        return dataset
    dataset.BitsStored = 8 * dtype.itemsize - 3
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(dtype.kind == "i")
    if how == "rle":
        dataset.file_meta.TransferSyntaxUID = RLELossless
        size = len(content) // shape[0]
        frames = [
            _runs(content[n * size : (n + 1) * size], dtype.itemsize) for n in range(shape[0])
        ]
        dataset.PixelData = encapsulate(frames)
        dataset["PixelData"].VR = "OB"
    else:
        dataset.PixelData = content + b"\0" * (len(content) % 2)
        dataset["PixelData"].VR = "OB" if dtype.itemsize == 1 else "OW"
    return dataset


def _runs(frame: bytes, width: int) -> bytes:
    """Return a frame in the RLE of DICOM (PS3.5 Annex G), the highest bytes first."""
    planes = []
    for place in reversed(range(width)):
        plane = frame[place::width]
        # Runs of one value would be shorter; literal ones say the same.
        pieces = [plane[at : at + 128] for at in range(0, len(plane), 128)]
        coded = b"".join(bytes([len(piece) - 1]) + piece for piece in pieces)
        planes.append(coded + b"\0" * (len(coded) % 2))
    offsets = [64 + sum(map(len, planes[:n])) for n in range(width)]
    return struct.pack("<16I", width, *offsets, *[0] * (15 - width)) + b"".join(planes)


def _segmentations(folder: Path) -> list[Path]:
    rois = [
        Roi("GTV", cylinder(GRID, (0, 1, 2), 2.5), 1),
        Roi("ring", cylinder(GRID, (1, 2), 3.0, kind="CLOSED_PLANAR_XOR"), 2),
        Roi("point", [("POINT", np.array([[0.0, 0.0, 0.0]]))], 3),
    ]
    masks = np.zeros((2, *GRID.shape), dtype=bool)
    masks[0, 1:3, 1:4, 1:4] = True
    masks[1, :, 0, 0] = True
    whole = folder / "segmentations"
    whole.mkdir()
    fractions = np.linspace(0.0, 1.0, masks[0].size).reshape(GRID.shape)
    labels = (masks[0] + 2 * masks[1]).astype(np.uint8)
    return [
        write_structure_set(whole / "rt.dcm", rois, referenced_series=[uid("series", "ct")]),
        write_seg(whole / "binary.dcm", GRID, masks),
        write_seg(whole / "fractional.dcm", GRID, fractions, segmentation_type="FRACTIONAL"),
        write_seg(whole / "labelmap.dcm", GRID, labels, segmentation_type="LABELMAP"),
    ]


WAIVERS = {
    "format": "biomarker-waivers/1",
    "waivers": [
        {
            "protocol": "recist-ct",
            "versions": "1.0.0",
            "rule": "RECIST-CT-001",
            "series": "*",
            "reason": "a pilot",
            "approver": "the board",
            "expires": "2099-01-01",
        }
    ],
}
OVERRIDES = {
    "format": "biomarker-overrides/1",
    "overrides": [
        {
            "tag": "PatientWeight",
            "value": 70,
            "reason": "entered in lb",
            "who": "physicist",
            "series_uid": "1.2.3.4",
        }
    ],
}
POLICY = {
    "format": "biomarker-usable/1",
    "flags": {"draft_protocol": "info", "acq_fail:RECIST-CT-001": "caution", "roi_small": "info"},
}
SHEET = {
    "format": "biomarker-phantom/1",
    "id": "synthetic",
    "standard": "earl-1",
    "background": {"activity_mbq": 20.5, "assayed": "2025-01-01T09:30:00", "volume_ml": 9700},
    "spheres": {"activity_mbq": 20.2, "assayed": "2025-01-01T09:35:00", "volume_ml": 1000},
}
MEASURED = b"series_uid,fact,value,unit\n,recovery_10mm,0.5,1\n1.2.3,recovery_37mm,1.0,1\n"
PARAMETERS = {
    "imageType": {"Original": {}, "LoG": {"sigma": [1.0, 2.0]}, "Wavelet": {}},
    "featureClass": {"firstorder": None, "shape": [], "glcm": ["Contrast", "JointEnergy"]},
    "setting": {"binWidth": 25, "resampledPixelSpacing": [1, 1, 1], "interpolator": "sitkBSpline"},
}


def _texts() -> dict[str, bytes]:
    found = {
        "study": (CHECKOUT / "sample_data" / "study.yaml").read_bytes(),
        "cases": (CHECKOUT / "sample_data" / "cases.csv").read_bytes(),
        "waivers": yaml.safe_dump(WAIVERS).encode(),
        "overrides": yaml.safe_dump(OVERRIDES).encode(),
        "policy": yaml.safe_dump(POLICY).encode(),
        "package": _package(),
        "sheet": yaml.safe_dump(SHEET).encode(),
        "parameters": yaml.safe_dump(PARAMETERS).encode(),
        "measured": MEASURED,
        "lock": yaml.safe_dump({"acquisition/recist-ct@1.0.0": "a" * 64}).encode(),
    }
    for name in ("recist-ct", "dwi", "earl-1-phantom", "base-pet"):
        found[f"acquisition {name}"] = _newest("acquisition", name)
    for name in ("fdg-suv", "dwi-adc", "radiomics-ct", "pyradiomics-default", "dwi-phantom"):
        found[f"analysis {name}"] = _newest("analysis", name)
    return found


def _package() -> bytes:
    with TemporaryDirectory() as folder:
        for table in (MEASUREMENTS, FEATURES):
            write_table(table, [], Path(folder))
        return write_datapackage((MEASUREMENTS, FEATURES), Path(folder), "fuzz").read_bytes()


def _newest(kind: str, name: str) -> bytes:
    return max((CHECKOUT / "protocols" / kind / name).glob("*.yaml")).read_bytes()


def small_trial(folder: Path) -> None:
    """Write a study of three small cases: CT, PET and DWI, with a file of every kind."""
    _write_series(folder)
    for name in ("implicit", "enhanced", "mosaic"):
        shutil.rmtree(folder / name)
    for name, grid in TRIAL_GRIDS.items():
        rois = [Roi("GTV", cylinder(grid, (0, 1, 2), 5.0)), Roi("NODE", cylinder(grid, (1,), 4.0))]
        rois[1].number = 2
        write_structure_set(folder / f"{name}.dcm", rois, referenced_series=[uid("series", name)])
    for path in sorted((folder / "dwi").iterdir()):
        dataset = dcmread(path)
        dataset.StudyInstanceUID = uid("study", path.parent.name)
        dataset.save_as(path)
    protocols = {"ct": "pyradiomics-default", "pet": "fdg-suv", "dwi": "dwi-adc"}
    roles = {name: {"analyses": [ident]} for name, ident in protocols.items()}
    roles["ct"]["acquisition"] = "recist.yaml"
    (folder / "recist.yaml").write_bytes(_newest("acquisition", "recist-ct"))
    study = {
        "format": "biomarker-study/1",
        "id": "fuzz",
        "roles": roles,
        "device": "keep",
        "waivers": "waivers.yaml",
        "integrity": "flag",
        "rois": {"GTV": {"names": ["GTV"]}, "NODE": {"names": ["NODE"]}},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    (folder / "waivers.yaml").write_text(yaml.safe_dump(WAIVERS))
    rows = ["site_id,subject_id,timepoint,role,image,mask,weight_kg"]
    rows += [f"A,S{n},T1,{name},{name},{name}.dcm,70" for n, name in enumerate(protocols)]
    (folder / "cases.csv").write_text("\n".join(rows) + "\n")
