"""Write the synthetic trial, or check that the files present are the ones it writes.

Usage: ``python sample_data/make_sample_data.py [OUT_DIR] [--check]``.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:  # found as a script and when imported by its path
    sys.path.insert(0, str(HERE))

from synthetic_trial.clinical import CLINICAL_FILES, write_clinical  # noqa: E402
from synthetic_trial.ct import write_ct  # noqa: E402
from synthetic_trial.dicom_seg import write_seg  # noqa: E402
from synthetic_trial.dwi import write_dwi  # noqa: E402
from synthetic_trial.label_map import write_label_map  # noqa: E402
from synthetic_trial.perfusion import VISIT, write_perfusion  # noqa: E402
from synthetic_trial.pet import write_pet  # noqa: E402
from synthetic_trial.response import RESPONSE_VISITS, write_response  # noqa: E402
from synthetic_trial.rtstruct import write_rtstruct  # noqa: E402
from synthetic_trial.trial import VISITS  # noqa: E402
from synthetic_trial.truth import MASKS, write_tables  # noqa: E402
from synthetic_trial.verify import Deviation, verify, verify_response  # noqa: E402
from synthetic_trial.verify_perfusion import verify_perfusion  # noqa: E402

RESPONSE = "response"
"""Folder of the study of one subject over time, with tables of its own."""

PERFUSION = "perfusion"
"""Folder of the study of a dynamic series, with tables of its own."""

VISIT_FOLDERS = tuple(sorted({visit.subject_id for visit in RESPONSE_VISITS}))
CENTRE_FOLDERS = tuple(sorted({visit.folder.split("/")[0] for visit in VISITS}))
KEY_FILE = "study.key"
STUDY_FILE = "study.yaml"
"""Written by hand."""

TABLES = ("cases.csv", "truth.csv", *CLINICAL_FILES, KEY_FILE)


def write_all(folder: Path) -> None:
    """Write the whole trial into ``folder``, replacing what stands there of it."""
    for name in VISIT_FOLDERS:
        shutil.rmtree(folder / RESPONSE / name, ignore_errors=True)
    shutil.rmtree(folder / PERFUSION / VISIT.subject_id, ignore_errors=True)
    for name in CENTRE_FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    for visit in VISITS:
        base = folder / visit.folder
        write_ct(visit, base / "ct" / "image")
        write_rtstruct(visit, base / "ct" / MASKS["ct"])
        images = write_pet(visit, base / "pet" / "image")
        write_seg(visit, images, base / "pet" / MASKS["pet"])
        write_dwi(visit, base / "dwi" / "image")
        write_label_map(visit, base / "dwi" / MASKS["dwi"])
    write_tables(folder)
    write_clinical(folder)
    write_key(folder, "sample-trial")
    write_response(folder / RESPONSE)
    write_key(folder / RESPONSE, "sample-response")
    write_perfusion(folder / PERFUSION)
    write_key(folder / PERFUSION, "sample-perfusion")


def write_key(folder: Path, study: str) -> None:
    """Write the key of a study.

    It is no secret: the trial has no patients, and its tables are the same everywhere.
    """
    key = folder / KEY_FILE
    key.write_text(hashlib.sha256(study.encode()).hexdigest() + "\n", newline="\n")
    key.chmod(0o600)


def generated_files(folder: Path) -> dict[str, bytes]:
    """Return the content of every generated file below ``folder``, by relative path."""
    paths = [folder / name for name in TABLES if (folder / name).is_file()]
    for name in (*CENTRE_FOLDERS, RESPONSE, PERFUSION):
        paths.extend(p for p in (folder / name).rglob("*") if p.is_file() and p.name != STUDY_FILE)
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(paths)}


def differences(folder: Path) -> list[str]:
    """Return how the files of ``folder`` differ from a fresh run, one line each."""
    with tempfile.TemporaryDirectory() as temporary:
        write_all(Path(temporary))
        expected = generated_files(Path(temporary))
    present = generated_files(folder)
    lines = [f"missing: {name}" for name in sorted(expected.keys() - present.keys())]
    lines += [f"unexpected: {name}" for name in sorted(present.keys() - expected.keys())]
    common = sorted(expected.keys() & present.keys())
    return lines + [f"differs: {name}" for name in common if expected[name] != present[name]]


def summary(deviations: Sequence[Deviation]) -> list[str]:
    """Return the largest deviation from the truth of each feature, one line each."""
    lines = []
    for feature in dict.fromkeys(d.feature_id for d in deviations):
        group = [d for d in deviations if d.feature_id == feature]
        worst = max(group, key=lambda d: abs(d.measured - d.truth) / d.tolerance_abs)
        shift = worst.measured - worst.truth
        lines.append(
            f"{feature}: worst {worst.case_id} {worst.roi_id}: {worst.measured:.8g} for "
            f"{worst.truth:.8g} ({100 * shift / worst.truth:+.4f} %, "
            f"{100 * abs(shift) / worst.tolerance_abs:.1f} % of the tolerance)"
        )
    return lines


def check(folder: Path) -> int:
    """Report byte differences and deviations from the truth; return 1 if there are any."""
    lines = differences(folder)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.write(f"{len(lines)} of the files differ from a fresh run\n")
    # Without whole tables and files there is nothing to measure.
    if any(line.startswith("missing") or line.endswith(TABLES) for line in lines):
        return 1
    deviations = [
        *verify(folder),
        *verify_response(folder / RESPONSE),
        *verify_perfusion(folder / PERFUSION),
    ]
    sys.stdout.writelines(f"{line}\n" for line in summary(deviations))
    outside = [d for d in deviations if not d.ok]
    sys.stdout.write(f"{len(outside)} of {len(deviations)} truths are missed\n")
    return int(bool(lines or outside))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Write or check the synthetic trial.")
    parser.add_argument("folder", nargs="?", type=Path, default=HERE, metavar="OUT_DIR")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args(arguments)
    if options.check:
        return check(options.folder)
    write_all(options.folder)
    sys.stdout.write(f"wrote {len(generated_files(options.folder))} files\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
