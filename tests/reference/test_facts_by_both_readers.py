"""Facts of real headers are the same by the quick reader and by pydicom."""

from dataclasses import replace

import pytest

from biomarker_cli.acquisition.evaluating import evaluate
from biomarker_cli.acquisition.header_facts import header_facts
from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.acquisition.series import series_headers
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.dicom.frames import FrameHeader, Frames
from biomarker_cli.dicom.headers import read_header
from biomarker_cli.dicom.quick_headers import KeptHeaders

pytestmark = pytest.mark.data


def _by_pydicom(series):
    datasets = {path: read_header(path) for path in {frame.path for frame in series.frames}}
    frames = (FrameHeader(datasets[f.path], f.frame, f.path, f.tile) for f in series.frames)
    return replace(series, frames=Frames(frames), _columns={}, _kept={})


def test_every_fact_and_every_rule(data_dir):
    protocols = [load_acquisition(name) for name in ("base-ct", "base-mr", "base-pet")]
    reader = KeptHeaders()
    catalogue = scan([data_dir / "headers"], reader=reader)
    n_facts = 0
    for series in series_headers(catalogue, reader):
        parsed = _by_pydicom(series)
        quick, slow = header_facts(series), header_facts(parsed)
        assert quick == slow
        n_facts += len(quick)
        for protocol in protocols:
            assert evaluate(protocol, [series]) == evaluate(protocol, [parsed])
    assert n_facts > 500
