"""``biomarker report`` and ``run --report``, in a process of their own and in a browser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).resolve().parents[2] / "sample_data"


def biomarker(*words, **more):
    command = [sys.executable, "-m", "biomarker_cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "out"
    done = biomarker("run", SAMPLE / "study.yaml", "-o", folder, "--report", "--quiet")
    assert done.returncode == 0, done.stderr
    return folder


def test_run_writes_a_report_with_pictures(out):
    page = (out / "report.html").read_text()
    assert page.count('<details class="case"') == 9
    assert page.count("<image ") > 9 * 2 * 6
    assert (out / "report.html").stat().st_size < 9 * 50_000
    # Nobody is named, and no date of an examination stands in it.
    assert not re.search(r"2024-?0[1-9]|2\.25\.[0-9]{9}", page)


def test_the_picture_in_the_readme_is_of_this_report(out):
    from PIL import Image

    docs = SAMPLE.parent / "docs"
    code = "import sys, build_pictures as b; print(b.report_digest(sys.stdin.read()), end='')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=(out / "report.html").read_text(),
        capture_output=True,
        text=True,
        check=True,
        cwd=docs,
    )
    picture = docs / "pictures" / "report.png"
    assert Image.open(picture).text["report"] == done.stdout, "run make pictures"
    assert "docs/pictures/report.png" in (docs.parent / "README.md").read_text()


def test_no_patient_name_or_id_of_the_input_occurs_in_the_report(out):
    import pydicom

    named = set()
    for path in SAMPLE.rglob("*.dcm"):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        named |= {str(header.get("PatientName", "")), str(header.get("PatientID", ""))}
    named.discard("")
    assert named
    page = (out / "report.html").read_text()
    assert [name for name in sorted(named) if name in page] == []


def test_a_report_is_not_overwritten_unless_told(out):
    refused = biomarker("report", out)
    assert refused.returncode == 2
    assert "OUTPUT-EXISTS" in refused.stderr
    done = biomarker("report", out, "--overwrite", "--identity", "keep", "--format", "json")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert (told["cases"], told["identity"]) == (9, "keep")
    assert re.search(r"2\.25\.[0-9]{9}", (out / "report.html").read_text())
    assert biomarker("report", out, "--overwrite").returncode == 0


def test_a_split_report_is_a_folder(out, tmp_path):
    done = biomarker("report", out, "--split", "-o", tmp_path / "pages")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "pages" / "cases").glob("*.html"))) == 9


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    done = biomarker("report", tmp_path)
    assert done.returncode == 3
    assert "TABLE-NOT-FOUND" in done.stderr


@pytest.fixture(scope="module")
def address(out):
    return Path(out / "report.html").as_uri()


def opened(chromium, address, width=1280, **more):
    context = chromium.new_context(viewport={"width": width, "height": 900}, offline=True, **more)
    page = context.new_page()
    heard = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    asked = []
    page.on("request", lambda request: asked.append(request.url.partition("#")[0]))
    page.goto(address)
    return page, heard, asked


@pytest.mark.parametrize("width", [390, 1280])
def test_it_loads_without_a_request_or_an_error_and_nothing_is_cut(chromium, address, width):
    page, heard, asked = opened(chromium, address, width)
    assert heard == []
    assert {url for url in asked if not url.startswith("data:")} == {address}
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    root = "document.documentElement"
    assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")


def test_filter_search_and_sort(chromium, address):
    page, _, _ = opened(chromium, address)
    page.select_option("select[name=site]", "CENTRE_B")
    assert page.text_content("#shown") == "3 of 9 cases shown"
    page.select_option("select[name=standing]", "deviating")
    assert page.text_content("#shown") == "2 of 9 cases shown"
    page.select_option("select[name=standing]", "")
    page.select_option("select[name=site]", "")
    page.fill("input[name=search]", "RECIST-CT-001")
    assert page.locator("table.sort tbody tr:visible").count() == 1
    page.fill("input[name=search]", "")
    for order in ("ascending", "descending"):
        page.click("table.sort thead button >> nth=4")
        assert page.get_attribute("table.sort thead th >> nth=4", "aria-sort") == order
        cells = page.locator("table.sort tbody tr td:nth-child(5)").all_text_contents()
        values = [int(cell) for cell in cells]
        assert values == sorted(values, reverse=order == "descending")


def test_every_case_is_reached_from_its_row_by_keyboard(chromium, address):
    page, _, _ = opened(chromium, address)
    links = page.locator("table.sort tbody a")
    assert links.count() == 9
    for number in range(9):
        links.nth(number).focus()
        page.keyboard.press("Enter")
        anchor = links.nth(number).get_attribute("href")
        page.wait_for_function("a => document.querySelector(a).closest('details').open", arg=anchor)
        assert page.locator(anchor).is_visible()


def test_without_scripts_every_case_is_there(chromium, address):
    page, _, _ = opened(chromium, address, java_script_enabled=False)
    assert page.locator("table.sort tbody tr:visible").count() == 9
    assert page.locator("#filters").is_hidden()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_contrast_and_roles_pass_axe(chromium, address, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    page, _, _ = opened(chromium, address, width, bypass_csp=True, color_scheme=scheme)
    boxes = "document.querySelectorAll('#box-case-3, #box-case-3 details')"
    page.evaluate(f"{boxes}.forEach(d => {{ d.open = true }})")
    found = Axe().run(page)
    assert [(v["id"], v["nodes"][0]["html"][:120]) for v in found.response["violations"]] == []


def test_methods_are_written_beside_and_not_overwritten(out, tmp_path):
    done = biomarker("report", out, "--methods", "-o", tmp_path, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["items"] == 44
    assert "CENTRE\\_A" in (tmp_path / "methods.md").read_text()
    refused = biomarker("report", out, "--methods", "-o", tmp_path)
    assert refused.returncode == 2
    assert "OUTPUT-EXISTS" in refused.stderr
    assert biomarker("report", out, "--methods", "--split").returncode == 2
