"""Which image a case was measured on: its study, its series and its grid."""

from __future__ import annotations

from dataclasses import replace

import pytest
from synthetic_dwi import Spec, candidates, write_dwi

from biomarker_cli.exchange.errors import NotExportedError
from biomarker_cli.exchange.results.outgoing_run import OutgoingCase
from biomarker_cli.exchange.results.source_images import SourceImages


def test_an_image_belongs_to_a_case_by_study_series_and_grid(tmp_path):
    write_dwi(tmp_path, [Spec(0), Spec(800)])
    images = candidates(tmp_path)
    sources = SourceImages.below([tmp_path])
    first = images[0]
    series = tuple({one.series_uid for one in images})
    case = OutgoingCase("A/S1/T1/dwi", "S1", "T1", first.study_uid, series, "key")
    # Of several volumes of one grid, the first by its volume id.
    found = sources.frames(case, first.geometry)
    wanted = min(images, key=lambda one: one.volume_id)
    assert [frame.sop_instance_uid for frame in found] == [r.sop_instance_uid for r in wanted.refs]
    x, y, z = first.geometry.origin_mm
    elsewhere = replace(first.geometry, origin_mm=(x + 1.0, y, z))
    others = [
        (case, elsewhere),
        (replace(case, study_uid="1.2.3"), first.geometry),
        (replace(case, series_uids=("1.2.3",)), first.geometry),
    ]
    for other, geometry in others:
        with pytest.raises(NotExportedError) as error:
            sources.frames(other, geometry)
        assert error.value.code == "EXPORT-NO-IMAGE"
