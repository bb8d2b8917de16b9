"""What inputs are put through, and what may come of it: a result or a named error.

A target is called with a path (or a folder) of a damaged input. What it returns is a
word or a code, for the counts; whatever else it raises is a finding.
"""

from __future__ import annotations

import io
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread

from biomarker_cli.acquisition.evaluating import evaluate
from biomarker_cli.acquisition.header_facts import header_facts
from biomarker_cli.acquisition.linting import header_findings, lint
from biomarker_cli.acquisition.matching import match_protocols
from biomarker_cli.acquisition.measured import load_measured
from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.acquisition.series import series_headers
from biomarker_cli.acquisition.waivers import load_waivers
from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.catalogue.alike import Alike
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.describing import describe_file
from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.catalogue.reading import read_frames, read_volume
from biomarker_cli.catalogue.records import pack_file
from biomarker_cli.dicom.decoding import require_values
from biomarker_cli.dicom.element_values import tag_of
from biomarker_cli.dicom.element_walk import Located
from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.dicom.frames import FrameHeader, is_absent
from biomarker_cli.dicom.functional_groups import items_in
from biomarker_cli.dicom.headers import read_header
from biomarker_cli.dicom.quick_headers import NOT_WALKED, HeaderReader, KeptHeaders, QuickHeader
from biomarker_cli.dicom.windows import FUNCTIONAL_GROUPS
from biomarker_cli.diffusion.b_table import b_value_rows
from biomarker_cli.diffusion.dwi_set import assemble
from biomarker_cli.diffusion.volumes import describe_volumes
from biomarker_cli.exchange.deidentifying.copies import deidentify
from biomarker_cli.exchange.deidentifying.profile import load_profile
from biomarker_cli.exchange.deidentifying.subjects import Subjects
from biomarker_cli.exchange.importing.imported_table import import_reports, write_imported
from biomarker_cli.imaging.files import files_of_image, read_image_file
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.inputs import FileSignature
from biomarker_cli.model.quantity import HU
from biomarker_cli.pet.overrides import load_overrides
from biomarker_cli.pet.phantom_sheet import load_phantom_sheet
from biomarker_cli.pet.rules import SuvRules
from biomarker_cli.pet.suv import PetFrames, explain_suv
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.protocol.lock import read_lock
from biomarker_cli.radiomics.importing import import_pyradiomics
from biomarker_cli.regions.importing import import_regions, list_rois, referred_to
from biomarker_cli.regions.opening import files_of_segmentation
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget
from biomarker_cli.study.planning import StudyPlanner
from biomarker_cli.study.runner import RunOptions, StudyRun, run_study
from biomarker_cli.study.single import SingleCase, plan_single
from biomarker_cli.study.study_file import load_study, with_key
from biomarker_cli.study.usable_policy import load_policy
from biomarker_cli.tables.packaged import DATA_PACKAGE, read_package
from fuzzing.keywords import ITEM_KEYWORDS, PRIVATE_PLACES, READ_KEYWORDS

PARSED = frozenset({"FILE-ELEMENT", "FILE-NOT-DICOM", "FILE-TRUNCATED", "MOSAIC-INCOMPLETE"})
RULES = RegionRules()
_NAME = "Xanthippe"


class DisagreementError(Exception):
    """Two readers of one input tell different things."""


class UnexpectedError(Exception):
    """An unexpected error stopped a part, and was caught as a row."""


def outcome(call: Callable[[], Any]) -> Any:
    """Return what a call gives, or the code of its error."""
    try:
        return call()
    except BiomarkerError as error:
        str(error).encode()  # what is shown can be written
        return error.code


# Headers: the quick walk, over a file and over bytes, against pydicom.


_ALIKE = Alike()
"""Keeps what the inputs before have said, as a scan does."""


def header(path: Path) -> str:
    """Hold the readers of a header against each other, and describe it as a scan does."""
    signature = FileSignature.of(path.stat())
    by_file = outcome(lambda: HeaderReader().read(path, signature))
    by_bytes = outcome(lambda: DicomFiles().read(path))
    if isinstance(by_file, str) or isinstance(by_bytes, str):
        if by_file != by_bytes:
            raise DisagreementError(f"over a file {by_file!r}, over bytes {by_bytes!r}")
        return str(by_file)
    _same_elements(by_file, by_bytes, "over a file and over bytes")
    reader = HeaderReader()
    told = outcome(lambda: describe_file(reader.read(path, signature), reader))
    alike = outcome(lambda: _ALIKE.record(str(path), signature))
    if alike != (told if isinstance(told, str) else pack_file(*told)):
        raise DisagreementError(f"by files alike {alike!r}, of the file {told!r}"[:300])
    if isinstance(by_file, QuickHeader):
        slow = outcome(lambda: FrameHeader(read_header(path), 0, path))
        if isinstance(slow, str):
            if _has_damaged_items(by_file.elements):
                # It reads items at once, the walk when they are asked for, and refuses then.
                return "damaged items"
            raise DisagreementError(f"pydicom refuses with {slow}")
        if FUNCTIONAL_GROUPS.isdisjoint(by_file.elements):
            # Else the walk tells of the file, and pydicom's record of its first frame.
            _same_elements(by_file, slow, "by the walk and by pydicom")
        _same_frames(by_file, slow)
    return told if isinstance(told, str) else "ok"


def _has_damaged_items(elements: Located) -> bool:
    for tag in elements:
        try:
            items = list(items_in(elements, tag))
        except NOT_WALKED:
            return True
        if any(map(_has_damaged_items, items)):
            return True
    return False


def _tags(header: FrameHeader) -> set[int]:
    """Return which elements stand at the top level of a file."""
    if isinstance(header, QuickHeader):
        return set(header.elements)
    return {int(tag) for tag in header.dataset.keys()}  # noqa: SIM118


def _same_elements(first: FrameHeader, second: FrameHeader, what: str) -> None:
    tags = set() if "frame" in what else _tags(first) | _tags(second)
    for keyword in READ_KEYWORDS:
        if tags and tag_of(keyword) not in tags:
            continue  # both lack it
        _require_same(lambda h, k=keyword: h.get(k), first, second, f"{keyword} {what}")
    for sequence, keyword in ITEM_KEYWORDS:
        _require_same(
            lambda h, s=sequence, k=keyword: h.nested(s, k),
            first,
            second,
            f"{sequence} > {keyword} {what}",
        )
    for place in PRIVATE_PLACES:
        _require_same(lambda h, p=place: h.private(*p), first, second, f"{place} {what}")


def _same_frames(quick: FrameHeader, slow: FrameHeader) -> None:
    ours, theirs = (outcome(header.split) for header in (quick, slow))
    if isinstance(ours, str) or isinstance(theirs, str):
        if ours != theirs:
            raise DisagreementError(f"split: {ours!r} and {theirs!r}"[:300])
        return
    if len(ours) != len(theirs) or not ours:
        raise DisagreementError(f"{len(ours)} and {len(theirs)} frames")
    for pair in {0: (ours[0], theirs[0]), len(ours) - 1: (ours[-1], theirs[-1])}.values():
        _same_elements(*pair, "of a frame")


def _require_same(read: Callable[[FrameHeader], Any], first: Any, second: Any, what: str) -> None:
    ours, theirs = (outcome(lambda h=header: plain(read(h))) for header in (first, second))
    if "of a frame" in what and theirs == "FILE-ELEMENT":
        # It looks at all that is said of a frame, the walk at what is asked for.
        return
    if ours != theirs and not {ours, theirs} <= PARSED | {"absent"}:
        raise DisagreementError(f"{what}: {ours!r} and {theirs!r}"[:300])


def plain(value: Any) -> Any:
    """Return a value as text that can be compared: lists as lists, NaN as itself."""
    if is_absent(value):
        return "absent"
    if isinstance(value, str):
        return repr(str(value))
    if isinstance(value, int):
        return repr(int(value))
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, bytes):
        return repr(value)
    try:
        parts = list(value)
    except TypeError:
        return repr(str(value))
    if parts and hasattr(parts[0], "get"):
        return f"{len(parts)} items"
    return repr([plain(part) for part in parts])


# Pixels: our own decoder against pydicom's.


def pixels(path: Path) -> str:
    """Hold the stored numbers of an image against pydicom's."""
    files = DicomFiles()
    reader = HeaderReader()
    signature = FileSignature.of(path.stat())
    told = outcome(lambda: describe_file(reader.read(path, signature), reader))
    if isinstance(told, str):
        return told
    if told[0].defect is not None:
        return told[0].defect.code  # its pixels are never asked for
    frames = outcome(lambda: files.frames(path))
    if isinstance(frames, str) or frames[0].tile is not None:
        return "frames"
    n_frames = min(len(frames), 4)
    ours = outcome(lambda: np.stack(list(files.stored(path, range(n_frames)))))
    if isinstance(ours, str):
        return ours
    theirs = _pixels_of_pydicom(path)
    if isinstance(theirs, str):
        raise DisagreementError(f"pixels {ours.shape} {ours.dtype}, and pydicom: {theirs}")
    theirs = theirs.reshape(-1, *theirs.shape[-2:])[:n_frames]
    if ours.shape != theirs.shape or not np.array_equal(ours, theirs, equal_nan=True):
        raise DisagreementError(f"pixels {ours.dtype}{ours.shape}, {theirs.dtype}{theirs.shape}")
    return "ok"


def _pixels_of_pydicom(path: Path) -> Any:
    """Return the pixels, or the name of what pydicom raises; anything may come of damage."""
    try:
        dataset = dcmread(path)
        for keyword in ("HighBit", "PlanarConfiguration"):
            if keyword in dataset and dataset[keyword].VR == "SQ":
                del dataset[keyword]  # what the numbers do not depend on
        if dataset.get("NumberOfFrames", 1) in {"", None}:
            del dataset.NumberOfFrames  # nothing said is one frame
        require_values(dataset)
        return np.asarray(dataset.pixel_array)
    except Exception as error:  # noqa: BLE001
        return type(error).__name__


# Series: what scan, check, suv-explain, bvalues and protocol facts do.


def series(folder: Path) -> str:
    """Put a series of files, one of them damaged, through all that reads headers and pixels."""
    reader = KeptHeaders()
    catalogue = scan([folder], index=FileIndex(None), reader=reader)
    left_out: list[str] = []
    found = series_headers(catalogue, reader, lambda uid, error: left_out.append(error.code))
    for one in found:
        header_facts(one)
    for protocol in _acquisitions():
        evaluate(protocol, found)
    match_protocols(found, _acquisitions())
    words = set(left_out)
    for candidate in catalogue.volumes:
        volume = outcome(lambda c=candidate: read_volume(c))
        words.add(volume if isinstance(volume, str) else "ok")
        if candidate.modality == "PT" and candidate.geometry is not None:
            outcome(lambda c=candidate: explain_suv(PetFrames(read_frames(c), 0.1), _suv_rules()))
    images = [c for c in catalogue.volumes if c.modality == "MR"]
    if images:
        outcome(lambda: b_value_rows(describe_volumes(images)))
        outcome(lambda: assemble(images))
    return " ".join(sorted(words)) or "nothing"


_KEPT: dict[str, Any] = {}


def _acquisitions() -> list[Any]:
    if "acquisitions" not in _KEPT:
        names = ("base-ct", "qiba-fdg-1-14", "dwi", "pirads-2.1")
        _KEPT["acquisitions"] = [load_acquisition(name) for name in names]
    return _KEPT["acquisitions"]


def _suv_rules() -> SuvRules:
    if "suv" not in _KEPT:
        _KEPT["suv"] = load_analysis("fdg-suv").rules
    return _KEPT["suv"]


# Images and masks.


def with_a_name(content: bytes) -> bytes:
    """Return a file whose patient and place have a name, as it is where it has no patient."""
    dataset = dcmread(io.BytesIO(content))
    dataset.PatientName, dataset.PatientID = f"{_NAME}^Jane", f"{_NAME}-7654321"
    dataset.InstitutionName = f"Clinic of {_NAME}"
    dataset.PatientComments = f"{_NAME} was here"
    stream = io.BytesIO()
    dataset.save_as(stream)
    return stream.getvalue()


def copy(folder: Path) -> str:
    """De-identify a damaged object; the name stands in no byte of what is written."""
    output = folder.with_name("copies")
    shutil.rmtree(output, ignore_errors=True)
    link = folder.with_name("link.csv")
    link.unlink(missing_ok=True)
    profile, subjects = load_profile("quantitative"), Subjects(bytes(32))
    made = outcome(lambda: deidentify(folder, output, link, profile, subjects))
    if isinstance(made, str):
        return made
    for path in (output / name for name in made.written):
        if _NAME.casefold().encode() in path.read_bytes().lower():
            raise DisagreementError("a copy holds the name of the patient")
    return next(iter(made.left), "copied")


def image(path: Path) -> str:
    """Read an image file and list its files."""
    outcome(lambda: files_of_image(path))
    read = outcome(lambda: read_image_file(path, HU))
    return read if isinstance(read, str) else "ok"


def mask(path: Path, grid: Any) -> str:
    """List and import the regions of a segmentation."""
    outcome(lambda: files_of_segmentation(path))
    outcome(lambda: list_rois(path))
    outcome(lambda: referred_to(path))
    with internal_errors_raised():
        results = outcome(lambda: import_regions(path, ImageTarget(grid), RULES))
    if isinstance(results, str):
        return results
    for result in results:
        result.row("S/1/T1/ct")
    return " ".join(sorted({result.error_code or "ok" for result in results})) or "nothing"


def report(path: Path) -> str:
    """Make rows of a structured report, and the table of them."""
    found = import_reports([path])
    if found.refused:
        return found.refused[0][1].code
    write_imported(found, path.with_name("rows.csv"))
    if any(row["value"] is not None and row["status"] != "ok" for row in found.rows):
        raise DisagreementError("a value that is none")
    return " ".join(sorted({row["status"] for row in found.rows})) or "nothing"


@contextmanager
def internal_errors_raised() -> Iterator[None]:
    """Raise what was unexpected, where the product makes a row of it."""
    caught: list[BaseException] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and record.exc_info[1] is not None:
                caught.append(record.exc_info[1])

    handler = Handler()
    log = logging.getLogger("biomarker_cli")
    log.addHandler(handler)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.propagate = True
    if caught:
        raise caught[0]


# What people write.


def text(path: Path, kind: str) -> str:
    """Load a file that people write."""
    readers: dict[str, Callable[[], Any]] = {
        "study": lambda: load_study(path),
        "cases": lambda: load_study(path.parent / "study.yaml"),
        "waivers": lambda: load_waivers(path),
        "overrides": lambda: load_overrides(path),
        "policy": lambda: load_policy(path, path.name),
        "package": lambda: _read_package(path),
        "sheet": lambda: load_phantom_sheet(path),
        "parameters": lambda: import_pyradiomics(path),
        "measured": lambda: load_measured(path),
        "lock": lambda: read_lock(path),
        "acquisition": lambda: lint(load_document(ProtocolKind.ACQUISITION, str(path))),
        "analysis": lambda: _lint_analysis(path),
    }
    read = outcome(readers[kind.partition(" ")[0]])
    return read if isinstance(read, str) else "ok"


def _read_package(path: Path) -> None:
    (path.parent / DATA_PACKAGE).write_bytes(path.read_bytes())
    read_package(path.parent)


def _lint_analysis(path: Path) -> None:
    load_analysis(str(path))
    list(header_findings(load_document(ProtocolKind.ANALYSIS, str(path))))


# Cases and studies.


def single(image_path: Path, mask_path: Path, measure: str, analysis: str) -> str:
    """Measure one case, as `extract` does, letting out what is unexpected."""
    from biomarker_cli.case.running import run_case

    case = outcome(
        lambda: plan_single(SingleCase(measure, (image_path,), mask_path, analysis, quantity=None))
    )
    if isinstance(case, str):
        return case
    if case.case.refusal is not None:
        return case.case.refusal.code
    with internal_errors_raised():
        result = run_case(case.case.plan)
    return result.case.error_code or result.case.status


def study(folder: Path) -> str:
    """Run a study; it has tables, or is refused as a whole."""
    loaded = outcome(lambda: load_study(folder / "study.yaml"))
    if isinstance(loaded, str):
        return loaded
    keyed = outcome(lambda: with_key(loaded, writes=True))
    planner = keyed
    if not isinstance(keyed, str):
        planner = outcome(lambda: StudyPlanner(keyed, FileIndex(None)))
    if isinstance(planner, str):
        return planner
    out = folder / "out"
    with internal_errors_raised():
        due = StudyRun.of_study(keyed, planner)
        report = outcome(lambda: run_study(due, out, RunOptions()))
    if isinstance(report, str):
        return report
    for name in ("cases.csv", "rois.csv", "measurements.csv"):
        if not (out / name).exists():
            raise UnexpectedError(f"no table {name}")
    log = (out / "run.log").read_text(encoding="utf-8")
    if "Traceback" in log:
        raise UnexpectedError(log[log.index("Traceback") :][-1500:])
    return str(report.exit_code.value)
