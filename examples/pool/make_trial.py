"""Write the three synthetic centres of the tutorial: diffusion images, studies, clinical tables.

Usage: ``python examples/pool/make_trial.py OUT_DIR``. Everything follows from seeds; headers
and segmentations are those of ``sample_data/``.
"""

from __future__ import annotations

import csv
import hashlib
import math
import shutil
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
SAMPLE_DATA = HERE.parents[1] / "sample_data"
if str(SAMPLE_DATA) not in sys.path:
    sys.path.insert(0, str(SAMPLE_DATA))

from synthetic_trial.dwi import write_dwi  # noqa: E402
from synthetic_trial.label_map import write_label_map  # noqa: E402
from synthetic_trial.trial import (  # noqa: E402
    CENTRE_A,
    CENTRE_B,
    VISITS,
    Ball,
    Centre,
    Grid,
    Patient,
    Visit,
)

SEED = 17
N_SUBJECTS, N_VOLUNTEERS = 14, 8
"""Subjects of each centre; volunteers of centre A, scanned twice within a day."""

ADC, ADC_SUBJECT_SD = 1.0e-3, 0.10
"""In mm2/s, before treatment; its standard deviation between subjects as a logarithm."""

RETEST_SD = 0.03
"""Standard deviation of one measurement, as a logarithm."""

CHANGE_NONE, CHANGE_RESPONDER, CHANGE_SD = 10.0, 32.0, 14.0
"""True change of the ADC from T1 to T2 in percent, of who does not respond and of who does."""

HAZARD_PER_DAY, LOG_HAZARD_RATIO = 1 / 250, -0.8
"""Of progression; the ratio is that of a true change one standard deviation larger."""

END_OF_STUDY_DAYS = 500
AGES = (45, 75)

GRID = Grid((34, 26, 7), (3.0, 3.0, 4.0), (-46.5, -33.7, -12.1))

GTV_MM, MUSCLE_MM = (24.54, -10.24, 1.33), (-25.43, 18.68, 0.94)
RADIUS_MM = 9.0

LOW_B, WITHOUT_T2, WITHOUT_OUTCOME = "B04", "C09", "A11"
"""Subjects whose b = 800 of T2 was never sent, without a second visit, and lost to follow-up."""

IN_GRAMS = ("B02", "B07")
TWICE_BIOPSIED, LONG_AGO = "A03", "B05"

Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Site:
    """A centre, and what it does to its numbers.

    Attributes
    ----------
    letter : str
        Of its subjects.
    adc_factor : float
        What its scanner makes of an ADC.
    responders : int
        How many of its subjects respond.
    """

    centre: Centre
    letter: str
    adc_factor: float
    responders: int


SITES = (
    Site(CENTRE_A, "A", 1.0, 4),
    Site(CENTRE_B, "B", 1.0, 5),
    Site(replace(CENTRE_B, site_id="CENTRE_C", institution="Synthetic Centre C"), "C", 1.4, 10),
)


def fraction(*key: object) -> float:
    """Return a number between 0 and 1 that follows from its key, the same on every machine."""
    octets = hashlib.sha256("/".join(map(str, (SEED, *key))).encode()).digest()
    return (int.from_bytes(octets[:6], "big") + 0.5) / 256**6


def normal(*key: object) -> float:
    """Return a number of mean 0 and standard deviation 1 that follows from its key."""
    octets = hashlib.sha256("/".join(map(str, (SEED, *key))).encode()).digest()
    return (sum(octets) - 255 * len(octets) / 2) / math.sqrt(len(octets) * (256**2 - 1) / 12)


def responds(site: Site, number: int) -> bool:
    """Tell whether a subject responds; they are counted from 1, and spread over the list."""
    return number * site.responders // N_SUBJECTS > (number - 1) * site.responders // N_SUBJECTS


def true_change(site: Site, number: int) -> float:
    """Return the change of the ADC of a subject in percent."""
    middle = CHANGE_RESPONDER if responds(site, number) else CHANGE_NONE
    return middle + CHANGE_SD * normal(name_of(site, number), "change")


def name_of(site: Site, number: int) -> str:
    """Return the id of a subject."""
    return f"{site.letter}{number:02d}"


def examination(site: Site, subject: str, timepoint: str, day: datetime, adc: float) -> Visit:
    """Return a diffusion series of a subject with a true ADC in mm2/s."""
    template = next(visit for visit in VISITS if visit.centre.mr is site.centre.mr)
    measured = adc * site.adc_factor * math.exp(RETEST_SD * normal(subject, timepoint, "noise"))
    return replace(
        template,
        centre=site.centre,
        patient=Patient(f"SYN-{subject}", f"SYNTHETIC^{subject}", "F", "19600101", 1.7),
        subject_id=subject,
        timepoint=timepoint,
        injection=day,
        dwi_grid=GRID,
        dwi_balls=(
            Ball("GTV", "GTV", GTV_MM, RADIUS_MM, measured),
            Ball("MUSCLE", "MUSCLE", MUSCLE_MM, RADIUS_MM, 1.5e-3),
        ),
    )


def first_adc(subject: str) -> float:
    """Return the ADC of a subject before treatment, in mm2/s."""
    return ADC * math.exp(ADC_SUBJECT_SD * normal(subject, "adc"))


def write_case(visit: Visit, folder: Path) -> dict[str, str]:
    """Write image and mask; return the row of the list of cases."""
    own = f"{visit.subject_id}/{visit.timepoint}/dwi"
    write_dwi(visit, folder / own / "image")
    if (visit.subject_id, visit.timepoint) == (LOW_B, "T2"):
        for path in sorted((folder / own / "image").iterdir())[-GRID.size[2] :]:
            path.unlink()
    write_label_map(visit, folder / own / "mask.nii.gz")
    return {
        "site_id": visit.centre.site_id,
        "subject_id": visit.subject_id,
        "timepoint": visit.timepoint,
        "role": "dwi",
        "image": f"{own}/image",
        "mask": f"{own}/mask.nii.gz",
    }


def write_study(cases: Rows, folder: Path) -> None:
    """Write what a run needs beside the images; every centre has the key of the trial."""
    write_csv(folder / "cases.csv", cases)
    shutil.copyfile(HERE / "studies" / "study.yaml", folder / "study.yaml")
    key = folder / "study.key"
    key.write_text(hashlib.sha256(b"pool-tutorial").hexdigest() + "\n", newline="\n")
    key.chmod(0o600)


def first_day(site: Site, number: int) -> datetime:
    """Return the day of T1; centres began one after the other."""
    return datetime(2024, 3 + SITES.index(site), number, 9)


def write_centre(site: Site, folder: Path) -> None:
    """Write the subjects of a centre, before treatment and eight weeks later."""
    cases: Rows = []
    for number in range(1, N_SUBJECTS + 1):
        subject, day = name_of(site, number), first_day(site, number)
        adc = first_adc(subject)
        later = adc * (1 + true_change(site, number) / 100)
        visits = [("T1", day, adc), ("T2", day + timedelta(days=56), later)]
        for timepoint, when, value in visits[: 1 if subject == WITHOUT_T2 else 2]:
            visit = examination(site, subject, timepoint, when, value)
            cases.append(write_case(visit, folder))
    write_study(cases, folder)


def write_retest(folder: Path) -> None:
    """Write volunteers of centre A, each scanned twice within a day."""
    cases: Rows = []
    for number in range(1, N_VOLUNTEERS + 1):
        subject = f"V{number:02d}"
        for timepoint, hour in (("T1", 9), ("T2", 15)):
            day = datetime(2024, 2, number, hour)
            visit = examination(SITES[0], subject, timepoint, day, first_adc(subject))
            cases.append(write_case(visit, folder))
    write_study(cases, folder)


def progression(site: Site, number: int) -> tuple[float, bool]:
    """Return the days to progression or to the end of the study, and which of both it is."""
    middle = (CHANGE_NONE + CHANGE_RESPONDER) / 2
    deviation = (true_change(site, number) - middle) / CHANGE_SD
    hazard = HAZARD_PER_DAY * math.exp(LOG_HAZARD_RATIO * deviation)
    days = 1 - math.log(fraction(name_of(site, number), "progression")) / hazard
    return min(days, END_OF_STUDY_DAYS), days < END_OF_STUDY_DAYS


def clinical_rows() -> Rows:
    """Return age and weight of every subject, in years and kilograms."""
    rows = []
    for site in SITES:
        for number in range(1, N_SUBJECTS + 1):
            subject = name_of(site, number)
            age = AGES[0] + int(fraction(subject, "age") * (AGES[1] - AGES[0] + 1))
            weight = 72 + 11 * normal(subject, "weight")
            row = {"centre": site.centre.site_id, "patient": subject, "age": str(age)}
            rows.append(row | {"weight": f"{weight:.1f}"})
    return rows


def as_sent(rows: Rows) -> Rows:
    """Return the clinical table as it came: a clerk of centre B wrote two weights in grams."""
    sent = []
    for row in rows:
        grams = f"{1000 * float(row['weight']):.0f}"
        sent.append(row | {"weight": grams} if row["patient"] in IN_GRAMS else row)
    return sent


def with_names(rows: Rows) -> Rows:
    """Return the clinical table as a hospital exports it, by the names of patients."""
    return [row | {"patient": f"SYNTHETIC^{row['patient']}"} for row in rows]


def outcome_rows() -> Rows:
    """Return response and progression of every subject."""
    rows = []
    for site in SITES:
        for number in range(1, N_SUBJECTS + 1):
            subject = name_of(site, number)
            days, is_event = progression(site, number)
            rows.append(
                {
                    "centre": site.centre.site_id,
                    "patient": subject,
                    "response": "" if subject == WITHOUT_OUTCOME else "nr"[responds(site, number)],
                    "days": f"{days:.1f}",
                    "progressed": str(int(is_event)),
                }
            )
    return rows


def biopsy_rows() -> Rows:
    """Return biopsies of the subjects of centres A and B, most a week before T1."""
    rows = []
    for site in SITES[:2]:
        for number in range(1, N_SUBJECTS + 1):
            subject = name_of(site, number)
            before = [45 if subject == LONG_AGO else 7]
            if subject == TWICE_BIOPSIED:
                before.append(20)
            grade = str(1 + int(3 * fraction(subject, "grade")))
            own = {"centre": site.centre.site_id, "patient": subject, "grade": grade}
            rows.extend(
                own | {"biopsied": f"{first_day(site, number) - timedelta(days=days):%Y-%m-%d}"}
                for days in before
            )
    return rows


def write_csv(path: Path, rows: Rows) -> None:
    """Write rows of equal columns."""
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_clinical(folder: Path) -> None:
    """Write the tables of the trial office."""
    clinical = clinical_rows()
    write_csv(folder / "clinical.csv", clinical)
    write_csv(folder / "clinical_as_sent.csv", as_sent(clinical))
    write_csv(folder / "clinical_with_names.csv", with_names(clinical))
    write_csv(folder / "outcome.csv", outcome_rows())
    write_csv(folder / "biopsies.csv", biopsy_rows())


def write_plans(folder: Path) -> None:
    """Write the schemas of the clinical tables, and the plans."""
    for path in sorted((HERE / "studies").glob("*.yaml")):
        if path.name != "study.yaml":
            shutil.copyfile(path, folder / path.name)


def write_all(folder: Path) -> None:
    """Write everything that the tutorial reads."""
    folder.mkdir(parents=True)
    write_plans(folder)
    for site in SITES:
        write_centre(site, folder / f"centre_{site.letter.lower()}")
    write_retest(folder / "retest")
    write_clinical(folder)


def main() -> int:
    """Run the command line; return the exit code."""
    if len(sys.argv) != 2:
        sys.stderr.write(f"{(__doc__ or '').splitlines()[2]}\n")
        return 2
    folder = Path(sys.argv[1])
    if folder.exists():
        sys.stderr.write(f"{folder} is there already: remove it, or name another folder\n")
        return 2
    write_all(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
