"""The dictionary that is read without pydicom is the one that pydicom has."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
from pydicom.datadict import DicomDictionary, dictionary_VR, keyword_dict

from biomarker_cli.dicom import dictionary
from biomarker_cli.dicom.element_values import tag_of, vr_of


def test_keywords_and_sequences_are_those_of_pydicom():
    assert keyword_dict == dictionary.TAGS
    assert tag_of("PatientID") == 0x00100020
    assert tag_of("NoSuchKeyword") == -1
    assert {tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ"} == (
        dictionary.SEQUENCES
    )


def test_every_tag_has_the_vr_that_pydicom_gives_it():
    seeds = random.Random(3)
    others = [seeds.randrange(1 << 32) for _ in range(3000)]
    repeated = [0x60003000, 0x60020010, 0x50002500, 0x50010010, 0x00280410]
    for tag in (*DicomDictionary, *others, *repeated):
        try:
            expected = dictionary_VR(tag).encode()
        except KeyError:
            expected = b"UN"
        assert vr_of(tag, b"") == expected, hex(tag)


@pytest.mark.parametrize("first", ["", "import pydicom\n"])
def test_it_is_found_with_and_without_pydicom(first):
    code = (
        f"import sys\n{first}from biomarker_cli.dicom.dictionary import TAGS\n"
        "assert TAGS['Rows'] == 0x00280010\n"
        "print('pydicom' in sys.modules)\n"
        "import pydicom\n"
        "assert pydicom.datadict.keyword_dict == TAGS"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(bool(first))
