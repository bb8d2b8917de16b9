"""Copies, names and order of files never decide a number: it stays, or it is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.sequence import Sequence
from synthetic_pet import TRUE_SUV, radiopharmaceutical, write_pet

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.catalogue.reading import read_volume
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.pet.rules import SuvRules
from biomarker_cli.pet.suv import suv_volume

RULES = SuvRules(normalisations=("suvbw",))

EDITS = {
    "nothing": lambda d: None,
    "description": lambda d: setattr(d, "SeriesDescription", "again"),
    "operator": lambda d: setattr(d, "OperatorsName", "B^C"),
    "weight as text": lambda d: setattr(d, "PatientWeight", "70.00"),
    "weight": lambda d: setattr(d, "PatientWeight", "80"),
    "slope": lambda d: setattr(d, "RescaleSlope", "9"),
    "position": lambda d: setattr(d, "ImagePositionPatient", [0, 0, 400]),
    "series time": lambda d: setattr(d, "SeriesTime", "105500"),
    "units": lambda d: setattr(d, "Units", "GML"),
    "pixels": lambda d: setattr(d, "PixelData", np.full((4, 5), 7, "<i2").tobytes()),
    "dose": lambda d: setattr(
        d,
        "RadiopharmaceuticalInformationSequence",
        Sequence([radiopharmaceutical(RadionuclideTotalDose="400e6")]),
    ),
    "echo": lambda d: setattr(d, "EchoTime", "3"),
    "series": lambda d: setattr(d, "SeriesInstanceUID", "1.2.5"),
    "study": lambda d: setattr(d, "StudyInstanceUID", "1.2.5"),
}


def outcome(folder):
    """Return the SUV of the one volume below a folder, or the codes of what stands against it."""
    volumes = scan([folder], index=FileIndex(None)).volumes
    if len(volumes) != 1:
        return tuple(sorted({v.error_code or "AMBIGUOUS" for v in volumes}))
    try:
        suv = suv_volume(read_volume(volumes[0]), RULES).volume
    except BiomarkerError as error:
        return (error.code,)
    return suv.array.mean(axis=(1, 2)).tolist()


@given(
    edits=st.lists(
        st.tuples(st.sampled_from(sorted(EDITS)), st.integers(0, 2)), min_size=1, max_size=4
    ),
    names=st.permutations(range(7)),
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_adding_copies_and_renaming_leaves_the_number_or_refuses(tmp_path_factory, edits, names):
    folder = tmp_path_factory.mktemp("copies")
    paths = write_pet(folder, name="first{}")
    alone = outcome(folder)
    assert alone == pytest.approx(TRUE_SUV, rel=1e-4)
    originals = [dcmread(path) for path in paths]
    for path, name in zip(paths, names, strict=False):
        path.rename(folder / f"{name}.dcm")
    assert outcome(folder) == alone
    for (edit, index), name in zip(edits, names[3:], strict=False):
        dataset = originals[index].copy()
        EDITS[edit](dataset)
        dataset.save_as(folder / f"{name}.dcm", enforce_file_format=True)
    after = outcome(folder)
    if isinstance(after, list):
        assert after == alone
        assert {edit for edit, _ in edits} <= {
            "nothing",
            "description",
            "operator",
            "weight as text",
        }
    else:
        assert after == ("SERIES-UID-CONFLICT",) or "AMBIGUOUS" in after
