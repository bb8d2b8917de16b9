"""Import of a structure set like those of LUNG1: time and memory against peers.

``python -m benchmarks.regions`` writes a CT of 134 slices of 512 x 512 with four
contoured ROIs, and turns the contours into NIfTI masks with `biomarker`,
plastimatch and dcmrtstruct2nii, each in a process of its own. Peers that are not
installed are named and left out; ``--dcmrtstruct2nii PATH`` says where one is.

The time is that of the whole command, from the start of the process to the
written masks; the processor's time is told beside it, for busy machines.
The memory is the peak of the process; for `biomarker` also what
it needs above the memory after its own imports.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

SLICES, ROWS, COLUMNS = 134, 512, 512
PIXEL_MM, SLICE_MM = 0.9765625, 3.0
ORIGIN_MM = (-249.51171875, -460.51171875, -681.5)

# name, first and last slice, centre (x, y) in mm, radii in mm, vertices, holes
ROIS = (
    ("GTV-1", 62, 83, (-80.0, -180.0), (38.0, 30.0), 130, 0),
    ("Spinal-Cord", 20, 104, (0.0, -120.0), (8.0, 7.0), 63, 0),
    ("Lung-Left", 24, 112, (80.0, -210.0), (70.0, 105.0), 320, 1),
    ("Lung-Right", 24, 110, (-80.0, -210.0), (75.0, 110.0), 340, 1),
)


def _uid(*parts: object) -> str:
    return generate_uid(entropy_srcs=["biomarker-benchmark", *map(str, parts)])


def _file(sop_class: str, instance: str) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = instance
    dataset.StudyInstanceUID = _uid("study")
    dataset.FrameOfReferenceUID = _uid("frame")
    dataset.PatientID = dataset.PatientName = "BENCHMARK"
    dataset.PatientSex = dataset.PatientBirthDate = ""
    dataset.StudyDate, dataset.StudyTime = "20260101", "120000"
    dataset.StudyID = dataset.AccessionNumber = ""
    return dataset


def write_image(folder: Path) -> None:
    """Write the CT slices."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(SLICES):
        dataset = _file(CTImageStorage, _uid("image", index))
        dataset.Modality = "CT"
        dataset.SeriesInstanceUID = _uid("ct")
        dataset.InstanceNumber = index + 1
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        x, y, z = ORIGIN_MM
        dataset.ImagePositionPatient = [x, y, z + index * SLICE_MM]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing = [PIXEL_MM, PIXEL_MM]
        dataset.SliceThickness = SLICE_MM
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, -1024, "HU"
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation = 15, 1
        dataset.Rows, dataset.Columns = ROWS, COLUMNS
        pixels = rng.integers(0, 1200, (ROWS, COLUMNS), dtype=np.int16)
        dataset.PixelData = pixels.tobytes()
        dataset.save_as(folder / f"{index:03d}.dcm", enforce_file_format=True)


def _ring(
    centre: tuple[float, float], radii: tuple[float, float], n: int, phase: float
) -> np.ndarray:
    """Return a wavy outline, as a person draws it."""
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    wave = 1 + 0.06 * np.sin(5 * angle + phase) + 0.02 * np.sin(17 * angle - phase)
    return np.stack(
        [
            centre[0] + radii[0] * wave * np.cos(angle),
            centre[1] + radii[1] * wave * np.sin(angle),
        ],
        axis=1,
    )


def write_structure_set(path: Path) -> int:
    """Write the four ROIs; return the number of vertices."""
    dataset = _file(RTStructureSetStorage, _uid("rtstruct"))
    dataset.Modality = "RTSTRUCT"
    dataset.SeriesInstanceUID = _uid("rtstruct series")
    dataset.StructureSetLabel = "benchmark"
    dataset.StructureSetDate, dataset.StructureSetTime = "20260101", "120000"
    dataset.ReferencedFrameOfReferenceSequence = [_frame_item()]
    dataset.StructureSetROISequence = []
    dataset.ROIContourSequence = []
    dataset.RTROIObservationsSequence = []
    n_vertices = 0
    for number, (name, *shape) in enumerate(ROIS, start=1):
        roi, contours, observation = Dataset(), Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, roi.ROIGenerationAlgorithm = number, name, "MANUAL"
        roi.ReferencedFrameOfReferenceUID = _uid("frame")
        contours.ReferencedROINumber, contours.ROIDisplayColor = number, [255, 0, 0]
        contours.ContourSequence = list(_contours(*shape))
        observation.ObservationNumber = observation.ReferencedROINumber = number
        observation.RTROIInterpretedType = observation.ROIInterpreter = ""
        dataset.StructureSetROISequence.append(roi)
        dataset.ROIContourSequence.append(contours)
        dataset.RTROIObservationsSequence.append(observation)
        n_vertices += sum(item.NumberOfContourPoints for item in contours.ContourSequence)
    dataset.save_as(path, enforce_file_format=True)
    return n_vertices


def _frame_item() -> Dataset:
    frame, study, series = Dataset(), Dataset(), Dataset()
    frame.FrameOfReferenceUID = _uid("frame")
    study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    study.ReferencedSOPInstanceUID = _uid("study")
    series.SeriesInstanceUID = _uid("ct")
    series.ContourImageSequence = [_image_item(index) for index in range(SLICES)]
    study.RTReferencedSeriesSequence = [series]
    frame.RTReferencedStudySequence = [study]
    return frame


def _image_item(index: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = CTImageStorage
    item.ReferencedSOPInstanceUID = _uid("image", index)
    return item


def _contours(
    first: int,
    last: int,
    centre: tuple[float, float],
    radii: tuple[float, float],
    n: int,
    holes: int,
) -> list[Dataset]:
    items = []
    for index in range(first, last + 1):
        taper = np.sin(np.pi * (index - first + 1) / (last - first + 2)) ** 0.4
        size = (radii[0] * taper, radii[1] * taper)
        rings = [_ring(centre, size, n, index / 7)]
        rings += [_ring(centre, (size[0] / 8, size[1] / 8), 40, 0.0) for _ in range(holes)]
        for ring in rings:
            z = np.full(len(ring), ORIGIN_MM[2] + index * SLICE_MM)
            item = Dataset()
            item.ContourImageSequence = [_image_item(index)]
            item.ContourGeometricType = "CLOSED_PLANAR"
            item.NumberOfContourPoints = len(ring)
            item.ContourData = [f"{v:.3f}" for v in np.column_stack([ring, z]).ravel()]
            items.append(item)
    return items


STAGES = """
import json, sys, time
from pathlib import Path
import numpy, pydicom, nibabel, gzip
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.reading import read_frames
from biomarker_cli.regions.target import ImageTarget
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.masks import write_masks

def peak_mb():
    # VmHWM starts anew with the program; ru_maxrss would be that of the parent as well.
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024

folder = Path(sys.argv[1])
before = peak_mb()
start = time.perf_counter()
(candidate,) = scan([folder / "image"]).volumes
target = ImageTarget.from_frames(candidate.geometry, read_frames(candidate))
ready = time.perf_counter()
rois = import_regions(folder / "rtstruct.dcm", target, RegionRules())
done = time.perf_counter()
write_masks(rois, folder / "stages")
assert all(roi.status == "ok" for roi in rois)
print(json.dumps({
    "headers_s": ready - start,
    "import_s": done - ready,
    "write_s": time.perf_counter() - done,
    "above_imports_mb": peak_mb() - before,
}))
"""

LAUNCHER = """
import json, os, sys, time
start = time.perf_counter()
pid = os.fork()
if pid == 0:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
cpu = usage.ru_utime + usage.ru_stime
print(json.dumps([time.perf_counter() - start, cpu, usage.ru_maxrss / 1024, status]))
"""
"""A small process starts each tool: its peak memory would count as the tool's."""


def measure(command: Sequence[str]) -> tuple[float, float, float]:
    """Run a command; return its seconds, those of the processor, and its peak in MB."""
    launch = [sys.executable, "-I", "-S", "-c", LAUNCHER, *command]
    done = subprocess.run(launch, check=True, capture_output=True, text=True)
    seconds, cpu, peak, status = json.loads(done.stdout)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return seconds, cpu, peak


def _voxels(folder: Path, names: dict[str, str]) -> dict[str, int]:
    import nibabel

    found = {}
    for roi, file_name in names.items():
        array = np.asanyarray(nibabel.load(folder / file_name).dataobj)
        found[roi] = int(np.count_nonzero(array))
    return found


def run(folder: Path, dcmrtstruct2nii: str | None, repeats: int) -> list[dict[str, object]]:
    """Measure every tool that is there; the fastest of some repeats counts."""
    image, structure_set = folder / "image", folder / "rtstruct.dcm"
    commands = {
        "biomarker": [
            sys.executable, "-m", "biomarker_cli", "regions", str(structure_set),
            "--image", str(image), "-o", str(folder / "biomarker"), "--overwrite",
        ]
    }  # fmt: skip
    plastimatch = shutil.which("plastimatch")
    if plastimatch:
        commands["plastimatch"] = [
            plastimatch, "convert", "--input", str(structure_set),
            "--referenced-ct", str(image), "--output-prefix", str(folder / "plastimatch"),
            "--prefix-format", "nii.gz",
        ]  # fmt: skip
    if dcmrtstruct2nii:
        commands["dcmrtstruct2nii"] = [
            dcmrtstruct2nii, "convert", "-r", str(structure_set), "-d", str(image),
            "-o", str(folder / "dcmrtstruct2nii"),
        ]  # fmt: skip
    masks = {
        "biomarker": {name: f"masks/{name}.nii.gz" for name, *_ in ROIS},
        "plastimatch": {name: f"{name}.nii.gz" for name, *_ in ROIS},
        "dcmrtstruct2nii": {name: f"mask_{name}.nii.gz" for name, *_ in ROIS},
    }
    results: list[dict[str, object]] = []
    # Round by round: whatever else the machine does meets every tool alike.
    rounds = [
        {tool: measure(command) for tool, command in commands.items()} for _ in range(repeats)
    ]
    for tool in commands:
        seconds, cpu, peak = (min(one[tool][i] for one in rounds) for i in range(3))
        voxels = _voxels(folder / tool, masks[tool])
        results.append(
            {"tool": tool, "seconds": seconds, "cpu_s": cpu, "peak_mb": peak, "voxels": voxels}
        )
    stages = [sys.executable, "-c", STAGES, str(folder)]
    printed = subprocess.run(stages, check=True, capture_output=True, text=True).stdout
    results.append({"tool": "biomarker, by stage", **json.loads(printed)})
    return results


def main() -> None:
    """Print one JSON object per tool."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dcmrtstruct2nii", default=shutil.which("dcmrtstruct2nii"))
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_image(folder / "image")
        n_vertices = write_structure_set(folder / "rtstruct.dcm")
        print(f"{SLICES} slices of {ROWS} x {COLUMNS}, {len(ROIS)} ROIs, {n_vertices} vertices")
        for row in run(folder, arguments.dcmrtstruct2nii, arguments.repeats):
            print(json.dumps(row))
    for tool, found in {
        "plastimatch": shutil.which("plastimatch"),
        "dcmrtstruct2nii": arguments.dcmrtstruct2nii,
    }.items():
        if not found:
            print(f"{tool}: not installed, left out")


if __name__ == "__main__":
    main()
