"""Speed of indexing: ours, pydicom's headers and gdcmscanner, on generated files.

    python -m benchmarks.scan [--files 20000] [--folder DIR] [--repeat N] [--only WORD...]

Writes small CT, MR and PET series whose headers are about as long as real ones
(150 elements, sequences, a private block), 60 kB a file, and reads them with

- pydicom `dcmread(stop_before_pixels=True)`, one process, with no value looked at, and
  with the twenty values looked at that ours decodes;
- what a scan does with each file alone, in one process, the walk over the folders with it;
- gdcmscanner (Debian: libgdcm-tools), if it is installed, for 12 tags: it stops behind the
  last of them and decodes none;
- `biomarker scan`: the whole process, cold (no index) and incremental. It takes a second
  process where a second core may be used.

Wall time and processor time (user + system), the best of N. The page cache is warm
and the package is compiled, as an installed one is. Compare only within a run.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from benchmarks.timing import compile_package, measure

SLICES_PER_SERIES = 100
PIXELS = 160  # 160 x 160 x 2 bytes = 51 kB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, help="keep the files here, and reuse them")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[""], help="jobs that hold such a word")
    arguments = parser.parse_args()
    compile_package()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch) / "dicom"
        if not folder.exists():
            write_files(folder, arguments.files)
        paths = sorted(folder.rglob("*.dcm"))
        for path in paths:
            path.read_bytes()
        index = Path(scratch) / "index"
        print(f"{len(paths)} files, {platform.python_version()}, {os.cpu_count()} cores")
        jobs = {
            PYDICOM: lambda: with_pydicom(paths, []),
            "pydicom, 20 values": lambda: with_pydicom(paths, VALUES.split()),
            GDCM: lambda: with_gdcm(folder),
            READER: lambda: with_reader(paths),
            RECORDS: lambda: with_records(folder),
            COLD: lambda: with_ours(folder, index, forget=True),
            "biomarker scan, incremental": lambda: with_ours(folder, index, forget=False),
        }
        if not shutil.which("gdcmscanner"):
            del jobs[GDCM]
        wanted = [name for name in jobs if any(word in name for word in arguments.only)]
        jobs = {name: jobs[name] for name in wanted}
        # Files that were just written are not trusted by the index.
        time.sleep(3)
        best = measure(jobs, arguments.repeat)
    for name, (wall, cpu) in best.items():
        print(f"{name:32s} {wall:7.2f} s wall {cpu:7.2f} s cpu {len(paths) / wall:9.0f} files/s")
    for theirs, ours in ((PYDICOM, READER), (GDCM, COLD)):
        if {theirs, ours} <= best.keys():
            wall, cpu = (a / b for a, b in zip(best[theirs], best[ours], strict=True))
            print(f"{theirs} / {ours}: {wall:.2f} x wall, {cpu:.2f} x cpu")


PYDICOM, READER = "pydicom stop_before_pixels", "ours, header reader alone"
RECORDS = "ours, walk and records alone"
GDCM, COLD = "gdcmscanner, 12 tags", "biomarker scan, cold"

VALUES = """
    SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID FrameOfReferenceUID PatientID
    Modality SeriesDescription ImageType Rows Columns ImagePositionPatient PixelSpacing
    ImageOrientationPatient SliceThickness EchoTime AcquisitionNumber ContentTime
    AcquisitionTime RescaleType
"""


def with_pydicom(paths: list[Path], keywords: list[str]) -> None:
    from pydicom import dcmread

    for path in paths:
        dataset = dcmread(path, stop_before_pixels=True)
        for keyword in keywords:
            dataset.get(keyword)


def with_reader(paths: list[Path]) -> None:
    from biomarker_cli.catalogue.describing import describe_file
    from biomarker_cli.dicom.quick_headers import HeaderReader
    from biomarker_cli.model.inputs import FileSignature

    reader = HeaderReader()
    for path in paths:
        describe_file(reader.read(path, FileSignature.of(path.stat())), reader)


def with_records(folder: Path) -> None:
    from biomarker_cli.catalogue.files import find_files
    from biomarker_cli.catalogue.recording import Recorder

    record = Recorder()
    for file in find_files([folder]).files:
        record(file)


def with_gdcm(folder: Path) -> None:
    tags = "8,8 8,60 8,18 20,d 20,e 20,32 20,37 20,52 28,30 28,10 28,11 18,50"
    options = [part for tag in tags.split() for part in ("-t", tag)]
    subprocess.run(
        ["gdcmscanner", "-d", str(folder), "-r", *options], check=True, stdout=subprocess.DEVNULL
    )


def with_ours(folder: Path, index: Path, *, forget: bool) -> None:
    if forget:
        shutil.rmtree(index, ignore_errors=True)
    subprocess.run(
        [sys.executable, "-m", "biomarker_cli", "scan", str(folder), "--format", "json"],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "BIOMARKER_CACHE_DIR": str(index)},
    )


def write_files(folder: Path, count: int) -> None:
    for number in range(count):
        series, index = divmod(number, SLICES_PER_SERIES)
        path = folder / f"series_{series:04d}" / f"{index:04d}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        slice_of(series, index).save_as(path, enforce_file_format=True)


def slice_of(series: int, index: int) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    implicit = series % 3 == 0
    dataset.file_meta.TransferSyntaxUID = (
        ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    )
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[f"{series}.{index}"])
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=[f"study {series // 3}"])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[f"series {series}"])
    dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=[f"frame {series // 3}"])
    dataset.PatientID, dataset.Modality = f"P{series // 3:04d}", ("CT", "MR", "PT")[series % 3]
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SeriesDescription, dataset.InstanceNumber = f"series {series}", index + 1
    dataset.ImagePositionPatient = [-100.0, -100.0, 2.5 * index]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness = [1.25, 1.25], 2.5
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.ContentTime, dataset.AcquisitionTime = f"12{index % 60:02d}00", "120000"
    add_ballast(dataset)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 1
    dataset.Rows = dataset.Columns = PIXELS
    dataset.PixelData = np.full((PIXELS, PIXELS), index, dtype="<i2").tobytes()
    return dataset


def add_ballast(dataset: Dataset) -> None:
    """Bring the header to the length of a real one."""
    item = Dataset()
    item.ReferencedSOPClassUID = CTImageStorage
    item.ReferencedSOPInstanceUID = generate_uid(entropy_srcs=["referenced"])
    dataset.ReferencedImageSequence = Sequence([item, item])
    private = dataset.private_block(0x0043, "BENCHMARK", create=True)
    for offset in range(60):
        private.add_new(offset, "DS", [f"{offset * 0.25}", "1", "2"])
    text = dataset.private_block(0x0029, "BENCHMARK TEXT", create=True)
    for offset in range(40):
        text.add_new(offset, "LO", f"a private remark, number {offset}")


if __name__ == "__main__":
    main()
