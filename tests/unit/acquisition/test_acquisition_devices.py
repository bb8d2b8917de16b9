"""Scanners stand in rows by digests, and are told apart by them."""

from __future__ import annotations

import pytest

from biomarker_cli.acquisition.devices import DeviceNames
from biomarker_cli.acquisition.header_facts import header_facts
from biomarker_cli.acquisition.series import series_headers
from biomarker_cli.catalogue.catalogue import scan

KEY = bytes(range(32))


@pytest.fixture
def series(tmp_path):
    from synthetic_series import axial, write_series

    def read(**elements: str):
        def change(_index, dataset):
            for keyword, value in elements.items():
                setattr(dataset, keyword, value)

        folder = tmp_path / "-".join(elements.values()).replace("\\", "_")
        write_series(folder, axial(0, 3, 6), change=change)
        (found,) = series_headers(scan([folder]))
        return found

    return read


def _facts(key, series):
    names = DeviceNames(key, [series])
    return {fact.fact: names.veiled(fact.value, fact.tags) for fact in header_facts(series)}


def test_serial_and_station_are_digests_and_all_else_is_as_it_was(series):
    one = series(DeviceSerialNumber="SN-17", StationName="WARD3", ManufacturerModelName="WARD3")
    plain, veiled = _facts(None, one), _facts(KEY, one)
    assert (plain["device_serial"], plain["station"]) == ("SN-17", "WARD3")
    changed = {name for name in plain if plain[name] != veiled[name]}
    assert changed == {"device_serial", "station"}
    assert veiled["model"] == "WARD3"
    for name in changed:
        assert veiled[name].startswith("key:")
        assert len(veiled[name]) == len("key:") + 12


def test_one_scanner_has_one_digest_per_key(series):
    first = series(DeviceSerialNumber="SN-17", StationName="A")
    again = series(DeviceSerialNumber="SN-17", StationName="B")
    other = series(DeviceSerialNumber="SN-18", StationName="A")
    digest = _facts(KEY, first)["device_serial"]
    assert _facts(KEY, again)["device_serial"] == digest
    assert _facts(KEY, other)["device_serial"] != digest
    assert _facts(KEY[::-1], first)["device_serial"] != digest


def test_what_is_absent_stays_absent(series):
    found = _facts(KEY, series(PatientID="1"))
    assert found["device_serial"] == found["station"] == ""


def test_rows_of_checks_name_no_scanner_of_any_series(series):
    scanners = [
        series(DeviceSerialNumber=serial, StationName="S") for serial in ("17", "170", "x;y")
    ]
    names = DeviceNames(KEY, scanners)
    observed, serial_number = "17\\170\\x;y", "(0018,1000)"
    digests = names.veiled(observed, serial_number).split("\\")
    assert len(set(digests)) == 3
    assert all(digest.startswith("key:") for digest in digests)
    expected = names.veiled("as at baseline: 170", f"(0008,1010);{serial_number}")
    assert expected == f"as at baseline: {digests[1]}"
    assert names.veiled(observed, "(0018,0080)") == observed
