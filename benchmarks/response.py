"""Subjects over time under every shipped criterion, from readings to calls and tables.

    python -m benchmarks.response [--subjects 1000] [--timepoints 6] [--lesions 5]

Readings are made in memory, seeded; the work is to judge them (with what other policies
would call) and to write the tables. ``process`` is processor time: it does not hang on
what else the machine does.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from biomarker_cli.protocol.locator import ProtocolKind, newest_protocols
from biomarker_cli.response.courses import CourseOutcome
from biomarker_cli.response.criterion import Criterion, load_criterion
from biomarker_cli.response.judging import Choices, judge
from biomarker_cli.response.readings import Course, LesionReading, ReadVisit
from biomarker_cli.response.writing import write_judged


def reading(name: str, longest: Decimal, value: bool) -> LesionReading:
    """Return one reading as its criterion reads it."""
    if value:
        return LesionReading(name, value=longest)
    return LesionReading(name, longest=longest, short=longest * Decimal("0.8"))


def course(
    source: random.Random, place: int, arguments: argparse.Namespace, criterion: Criterion
) -> Course:
    """Return the visits of one subject."""
    rules = criterion.file.targets
    has_value = rules.other == "value"
    first = [Decimal(source.randrange(200, 600)) / 10 for _ in range(arguments.lesions)]
    n_targets = min(arguments.lesions, rules.most or arguments.lesions)
    inputs = {
        "liver": Decimal(2),
        "liver_sd": Decimal("0.2"),
        "hu": Decimal(80),
        "uptake": Decimal(60),
        "adc_mm2_s": Decimal("0.0009"),
        "highb": "decreased",
        "morphology": "stable",
        "new_bone": Decimal(0),
        "cycles": Decimal(2),
    }
    known = {
        name: value
        for name, value in inputs.items()
        if name.removesuffix("_sd") in criterion.file.inputs
    }
    visits = []
    for number in range(arguments.timepoints):
        share = Decimal(source.randrange(60, 115) if number else 100) / 100
        lesions = tuple(
            reading(f"T{at}", size * share, has_value) for at, size in enumerate(first[:n_targets])
        )
        visits.append(
            ReadVisit(f"TP{number}", 56 * number, lesions, non_target="none", inputs=known)
        )
    return Course(f"S{place:05d}", tuple(visits))


def main() -> None:
    """Judge and write, and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=1000)
    parser.add_argument("--timepoints", type=int, default=6)
    parser.add_argument("--lesions", type=int, default=5)
    arguments = parser.parse_args()
    criteria = [load_criterion(str(path)) for path in newest_protocols(ProtocolKind.RESPONSE)]
    courses = {}
    for criterion in criteria:
        source = random.Random(20261129)
        made = [course(source, n, arguments, criterion) for n in range(arguments.subjects)]
        courses[criterion.ident] = [CourseOutcome(one.subject_id, "", one) for one in made]
    start, start_process = time.perf_counter(), time.process_time()
    judged = judge([(one, courses[one.ident]) for one in criteria], Choices())
    middle = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        write_judged(judged, criteria, Path(folder), [], {})
    process, wall = time.process_time() - start_process, time.perf_counter() - start
    print(
        f"{arguments.subjects} subjects x {arguments.timepoints} timepoints x "
        f"{arguments.lesions} lesions, {len(criteria)} criteria: {len(judged.errors)} not judged"
    )
    print(
        f"judge {middle - start_process:.1f} s, write {process - (middle - start_process):.1f} s "
        "of processor"
    )
    print(f"process {process:.1f} s, whole {wall:.1f} s, {len(judged.response)} rows")


if __name__ == "__main__":
    main()
