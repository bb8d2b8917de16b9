"""What has changed since a result was stored is told by the names that people have for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.acquisition.waivers import WaiverSet
from biomarker_cli.case.analysis import Analysis, load_analysis
from biomarker_cli.case.plan import CasePlan, ImagePlan
from biomarker_cli.model.inputs import FileRead, FileSignature
from biomarker_cli.pet.rules import ClinicalForm
from biomarker_cli.regions.rules import RoiNames
from biomarker_cli.study import keys
from biomarker_cli.study.decisions import changes
from biomarker_cli.study.joining import kept_analyses
from biomarker_cli.study.keys import key_parts

PATHS = (Path("a.dcm"), Path("mask.nii.gz"))


def read(image: str = "1", mask: str = "2") -> dict[Path, FileRead]:
    signature = FileSignature(1, 2, 3, 4)
    return {PATHS[0]: FileRead(signature, image), PATHS[1]: FileRead(signature, mask)}


@pytest.fixture(scope="module")
def plan() -> CasePlan:
    return CasePlan(
        site_id="A",
        subject_id="S1",
        timepoint="T1",
        role="ct",
        images=(ImagePlan("ct"),),
        mask=PATHS[1],
        analyses=(load_analysis("radiomics-ct"), load_analysis("pyradiomics-default")),
        acquisition=load_acquisition("base-ct"),
        input_paths=PATHS,
    )


def of_version(analysis: Analysis, version: str) -> Analysis:
    header = analysis.document.header.model_copy(update={"version": version})
    return replace(analysis, document=replace(analysis.document, header=header))


def of_content(analysis: Analysis) -> Analysis:
    document = analysis.document
    return replace(analysis, document=replace(document, data={**document.data, "title": "other"}))


CHANGES = {
    "image files": lambda p: (p, read(image="x")),
    "segmentation": lambda p: (p, read(mask="x")),
    "ROI map": lambda p: (replace(p, roi_names=RoiNames.model_validate({})), read()),
    "ROIs that are asked for": lambda p: (replace(p, wanted_rois=("GTV",)), read()),
    "study entry": lambda p: (replace(p, other_frame_of_reference=True), read()),
    "values of the case report form": lambda p: (
        replace(p, form=ClinicalForm(weight_kg=70.0)),
        read(),
    ),
    "waivers": lambda p: (replace(p, waivers=WaiverSet((), None)), read()),
    "rule for violations": lambda p: (replace(p, on_violation="exclude"), read()),
    "key of the study": lambda p: (replace(p, device_key=b"x"), read()),
    "acquisition protocol base-ct@1.0.0 -> none": lambda p: (replace(p, acquisition=None), read()),
    "analysis radiomics-ct 1.0.0 -> 1.1.0": lambda p: (
        replace(p, analyses=(of_version(p.analyses[0], "1.1.0"), p.analyses[1])),
        read(),
    ),
    "content of analysis radiomics-ct (radiomics-ct@1.0.0)": lambda p: (
        replace(p, analyses=(of_content(p.analyses[0]), p.analyses[1])),
        read(),
    ),
    "analysis radiomics-mr@1.0.0 added": lambda p: (
        replace(p, analyses=(*p.analyses, load_analysis("radiomics-mr"))),
        read(),
    ),
    "analysis pyradiomics-default@1.0.0 left out": lambda p: (
        replace(p, analyses=p.analyses[:1]),
        read(),
    ),
}


@pytest.mark.parametrize("told", CHANGES)
def test_each_change_is_named(plan, told):
    changed, inputs = CHANGES[told](plan)
    assert changes(key_parts(plan, read()), key_parts(changed, inputs)) == [told]
    assert changes(key_parts(plan, read()), key_parts(plan, read())) == []


def test_the_program_and_the_engine_are_named(plan, monkeypatch):
    before = key_parts(plan, read())
    with monkeypatch.context() as patch:
        patch.setattr(keys, "__version__", "9.9")
        assert changes(before, key_parts(plan, read())) == [f"program {before['program']} -> 9.9"]
    engine = " ".join(plan.analyses[0].engine)
    monkeypatch.setattr(Analysis, "engine", ("native", "99"))
    told = changes(before, key_parts(replace(plan, analyses=plan.analyses), read()))
    assert f"engine of radiomics-ct@1.0.0 {engine} -> native 99" in told


def test_the_order_of_analyses_is_named_and_none_is_measured_again(plan):
    turned = replace(plan, analyses=plan.analyses[::-1])
    before, now = key_parts(plan, read()), key_parts(turned, read())
    assert set(changes(before, now)) == {"order of the analyses"}
    assert kept_analyses(before, now) == ("pyradiomics-default@1.0.0", "radiomics-ct@1.0.0")


@pytest.mark.parametrize("told", CHANGES)
def test_analyses_are_kept_where_nothing_else_has_changed(plan, told):
    changed, inputs = CHANGES[told](plan)
    kept = kept_analyses(key_parts(plan, read()), key_parts(changed, inputs))
    if "radiomics-mr" in told:
        assert kept == ("pyradiomics-default@1.0.0", "radiomics-ct@1.0.0")
    elif told.startswith(("analysis radiomics-ct", "content of")):
        assert kept == ("pyradiomics-default@1.0.0",)
    elif "left out" in told:
        assert kept == ("radiomics-ct@1.0.0",)
    else:
        assert kept is None
