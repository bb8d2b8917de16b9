"""One bad series does not end the listing of a folder."""

from __future__ import annotations

import pytest
from synthetic_pet import private, write_pet

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.cli import suv_explain
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.pet.rules import SuvRules

RULES = SuvRules(normalisations=("suvbw",))


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (OverflowError("math range error"), "CASE-INTERNAL"),
        (HeaderError("FILE-ELEMENT", "an element cannot be decoded"), "FILE-ELEMENT"),
    ],
)
def test_whatever_stops_a_series_becomes_its_row(tmp_path, monkeypatch, raised, code):
    write_pet(tmp_path)
    (volume,) = scan([tmp_path]).volumes

    def stop(_candidate):
        raise raised

    monkeypatch.setattr("biomarker_cli.catalogue.reading.read_frames", stop)
    report = suv_explain._report(volume, RULES, ())
    assert (report["status"], report["error_code"]) == ("refused", code)


def test_a_forgotten_private_date_is_explained_beside_the_good_series(tmp_path, capsys):
    """Thousands of days early: once an OverflowError, and the end of the listing."""
    old = private(0x0071, "SIEMENS MED PT", 0x22, "DT", "30160101110000")
    for name, change in (("a", old), ("b", lambda dataset, index: None)):
        write_pet(
            tmp_path / name,
            lambda d, i, change=change, name=name: (
                change(d, i),
                setattr(d, "SeriesInstanceUID", f"1.2.{ord(name)}"),
                setattr(d, "SOPInstanceUID", f"1.2.{ord(name)}.{i + 1}"),
            ),
        )
    reports = [suv_explain._report(v, RULES, ()) for v in scan([tmp_path]).volumes]
    assert [r["error_code"] for r in reports] == ["", ""]
    assert ["private_time_unused" in r["flags"] for r in reports] == [True, False]
    for report in reports:
        suv_explain._print_text(report)
    assert "private_time_unused" in capsys.readouterr().out
