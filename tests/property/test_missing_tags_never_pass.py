"""Removing a tag that a rule used never turns its fail or not_evaluable into a pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_acquisitions import injection, instance, pet_instance, series_of, without

from biomarker_cli.acquisition.evaluating import evaluate
from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.acquisition.series import series_headers
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.protocol.locator import ProtocolKind, list_protocols

PROTOCOLS = [load_acquisition(str(path)) for path in list_protocols(ProtocolKind.ACQUISITION)]


def _outcomes(protocol, series):
    return {r.rule_id: r for r in evaluate(protocol, [series]) if r.series_uid}


def _exempt(protocol) -> set[str]:
    """Rules that pass on absence, or that say themselves that they accept what is inferred."""
    return {
        rule.id
        for rule in protocol.content.rules
        if rule.check.kind == "absent" or rule.accept_inferred
    }


def assert_removal_never_passes(series, index: int, protocols=PROTOCOLS) -> int:
    """Remove every used tag of every rule that did not pass; return how many were tried."""
    tried = 0
    for protocol in protocols:
        exempt = _exempt(protocol)
        before = _outcomes(protocol, series)
        bad = {
            rule_id: result
            for rule_id, result in before.items()
            if result.outcome in {"fail", "not_evaluable"} and rule_id not in exempt
        }
        for tag in sorted(
            {tag for result in bad.values() for tag in result.tags.split(";") if tag}
        ):
            changed = without(series, tag, index)
            if changed is None:
                continue
            after = _outcomes(protocol, changed)
            for rule_id, result in bad.items():
                if tag in result.tags.split(";"):
                    tried += 1
                    # A series that lost its role has no row for the rule: no pass either.
                    outcome = after[rule_id].outcome if rule_id in after else "no row"
                    assert outcome != "pass", (protocol.ident, rule_id, tag)
    return tried


numbers = st.sampled_from([None, 0.0, 1.0, 2.5, 5.0, 6.0, 80.0, 120.0, 1000.0, 15000.0])


@st.composite
def ct_or_mr(draw):
    modality = draw(st.sampled_from(["CT", "MR"]))
    keywords = ["SliceThickness", "KVP", "EchoTime", "RepetitionTime", "MagneticFieldStrength"]
    keywords += ["DiffusionBValue", "CTDIvol", "SpiralPitchFactor"]
    varied = draw(st.sets(st.sampled_from(keywords)))
    usual = {keyword: draw(numbers) for keyword in keywords}
    n = draw(st.integers(2, 4))
    return series_of(
        [
            instance(
                i,
                modality,
                ImageType=draw(
                    st.sampled_from([["ORIGINAL", "PRIMARY"], ["DERIVED", "PRIMARY", "ADC"], None])
                ),
                ConvolutionKernel=draw(st.sampled_from(["SOFT", "BONE"])),
                **{k: draw(numbers) if k in varied else usual[k] for k in keywords},
            )
            for i in range(n)
        ]
    )


clock = st.sampled_from(["000500", "090000", "0930", "100000", "235900", "", None])


@st.composite
def pet(draw):
    def one(i):
        dates = st.sampled_from(["20240101090000", "20240102090000", "20240101050000", None])
        sequence = injection(
            RadiopharmaceuticalStartDateTime=draw(dates),
            RadiopharmaceuticalStartTime=draw(clock),
            RadionuclideTotalDose=draw(st.sampled_from([350.0, 350e6, 0.0, None])),
        )
        return pet_instance(
            i,
            RadiopharmaceuticalInformationSequence=sequence,
            AcquisitionTime=draw(clock),
            PatientWeight=draw(st.sampled_from([70.0, 70000.0, 0.0, None])),
            Units=draw(st.sampled_from(["BQML", "GML", "PROPCPS", None])),
        )

    same = draw(st.booleans())
    first = one(0)
    rest = [pet_instance(i) if same else one(i) for i in range(1, draw(st.integers(2, 4)))]
    return series_of([first, *rest])


PAGE = Path(__file__).resolve().parents[2] / "docs" / "acquisition.md"


@pytest.fixture(scope="module")
def every_check(tmp_path_factory):
    """The protocol of the documentation that has a rule for every kind of check."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (text,) = (block for block in blocks if "id: every-check" in block)
    path = tmp_path_factory.mktemp("page") / "every-check.yaml"
    path.write_text(text, encoding="utf-8")
    return load_acquisition(str(path))


@given(series=st.one_of(ct_or_mr(), pet()), index=st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_every_kind_of_check(every_check, series, index):
    assert_removal_never_passes(series, index, [every_check])


@given(series=ct_or_mr(), index=st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_ct_and_mr(series, index):
    assert_removal_never_passes(series, index)


@given(series=pet(), index=st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_pet(series, index):
    assert_removal_never_passes(series, index)


@pytest.mark.data
def test_real_headers(data_dir: Path):
    tried = 0
    for folder in sorted((data_dir / "headers").iterdir()):
        if not folder.is_dir():
            continue
        files = sorted(path for path in folder.iterdir() if path.name != "DIRFILE")[:6]
        for series in series_headers(scan(files)):
            if len({frame.path for frame in series.frames}) > 1:
                tried += assert_removal_never_passes(series, 1)
    assert tried > 50
