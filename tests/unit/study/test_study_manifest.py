"""The manifest holds what JSON with an indent of two holds, one case at a time."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from synthetic_results import case_result

from biomarker_cli.study.finished import finished
from biomarker_cli.study.manifest import write_manifest
from biomarker_cli.study.packed import pack


@pytest.mark.parametrize("ids", [(), ("S/1/T1/ct",), ('S/"q\\1/T1/ct', "Zürich/2/T1/ct")])
def test_the_manifest_is_plain_json(tmp_path, ids):
    head = pack(finished(case_result()), "trial", {"a": 1}, "names")[0].head
    path = write_manifest({"study": "trial"}, [replace(head, case_id=i) for i in ids], tmp_path)
    text = path.read_text(encoding="utf-8")
    said = json.loads(text)
    assert text == json.dumps(said, indent=2) + "\n"
    assert list(said["cases"]) == list(ids)
    assert [case["result_key"] for case in said["cases"].values()] == [head.key] * len(ids)
