"""Damaged NIfTI, NRRD, MetaImage and .seg.nrrd files: a named error or a volume, in time.

Images and masks are mutated with a fixed seed: bytes overwritten, cut, doubled, numbers of
the header replaced by odd ones, and the stream inside a compressed file mutated likewise.
"""

from __future__ import annotations

import gzip
import re
import resource
import time
import warnings

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from biomarker_cli.imaging.files import files_of_image, read_image_file, write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.quantity import HU
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.opening import files_of_segmentation
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

GRID = Geometry((3, 6, 5), (1.0, 2.0, 3.5), (-10.0, 20.0, 5.0))
LABELS = (np.arange(90) % 4).astype(np.int16).reshape(GRID.shape)
RULES = RegionRules()
N_EACH = 60
MOST_SECONDS = 2.0
MOST_MEMORY_KB = 300 * 1024

ODD = [
    *(b"0", b"-1", b"1e300", b"nan", b"inf", b"99999999999999999999", b"4294967296", b"2147483648"),
    *(b"", b"%d", b"../a.raw", b"/dev/zero", b"LIST", b"none", b"True", b"gzip", b"bzip2", b"hex"),
]


def _itk(path, packed):
    image = sitk.GetImageFromArray(LABELS)
    image.SetSpacing(GRID.spacing_mm)
    image.SetOrigin(GRID.origin_mm)
    if ".seg." in path.name:
        for n in (1, 2, 3):
            for key, value in (("Name", f"part {n}"), ("LabelValue", str(n)), ("Layer", "0")):
                image.SetMetaData(f"Segment{n}_{key}", value)
    sitk.WriteImage(image, str(path), packed)


def whole_image(folder, name):
    path = folder / name
    if name.startswith("scaled"):
        image = nibabel.Nifti1Image(LABELS.T, np.diag([-1.0, -2.0, 3.5, 1.0]))
        image.header.set_slope_inter(1.0, 0.0)
        image.header["scl_slope"], image.header["scl_inter"] = 2.0, 4.0
        nibabel.save(image, path)
    elif ".nii" in name:
        write_nifti(LABELS, GRID, path)
    else:
        _itk(path, "packed" in name)
    return path.read_bytes()


NAMES = [
    *("a.nii", "a.nii.gz", "scaled.nii", "a.nrrd", "packed.nrrd", "a.mha", "packed.mha"),
    *("a.seg.nrrd", "packed.seg.nrrd", "a.nhdr", "a.mhd"),
]


def mutated(content, rng):
    """Return the content with a few things changed."""
    data = bytearray(content)
    # Headers stand at the beginning: most changes go there.
    reach = min(len(data), 600) if rng.random() < 0.8 else len(data)
    for _ in range(int(rng.integers(1, 4))):
        start = int(rng.integers(0, max(reach, 1)))
        how = rng.integers(0, 6)
        if how == 0:
            data[start : start + 4] = rng.integers(0, 256, 4, dtype=np.uint8).tobytes()
        elif how == 1:
            data[start : start + 1] = bytes([data[start] ^ (1 << int(rng.integers(8)))])[:1]
        elif how == 2:
            del data[start : start + int(rng.integers(1, 40))]
        elif how == 3:
            data[start:start] = data[start : start + 40]
        elif how == 4:
            data[start : start + 4] = rng.choice([b"\xff" * 4, bytes(4), b"\0\0\x80\x7f"])
        else:
            words = list(re.finditer(rb"[^\s,()=:]+", bytes(data[:reach])))
            if words:
                word = words[int(rng.integers(len(words)))]
                data[word.start() : word.end()] = ODD[int(rng.integers(len(ODD)))]
        if not data:
            break
        reach = min(reach, len(data))
    return bytes(data)


def outcome(path):
    """Return what becomes of a file as image and as mask; all else is raised."""
    told = []
    for read in (
        files_of_image,
        lambda p: read_image_file(p, HU),
        files_of_segmentation,
        lambda p: [r.row("S/1/T1/ct") for r in import_regions(p, ImageTarget(GRID), RULES)],
    ):
        try:
            read(path)
            told.append("ok")
        except BiomarkerError as error:
            told.append(error.code)
            str(error).encode()  # what is shown can be written
    return told


@pytest.mark.parametrize("name", NAMES)
def test_mutated_images_and_masks(name, tmp_path):
    rng = np.random.default_rng([17, *name.encode()])
    whole = whole_image(tmp_path, name)
    path = tmp_path / name
    assert outcome(path) == ["ok"] * 4 if "scaled" not in name else True
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seen = set()
    for turn in range(N_EACH):
        if name.endswith(".gz") and turn % 2:
            content = gzip.compress(mutated(gzip.decompress(whole), rng), 1)
        else:
            content = mutated(whole, rng)
        path.write_bytes(content)
        start = time.monotonic()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            seen.update(outcome(path))
        assert time.monotonic() - start < MOST_SECONDS
    assert len(seen) > 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY_KB
