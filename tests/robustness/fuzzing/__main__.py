"""``make fuzz``: run for some minutes with a random seed, write down what is found.

Run it from the checkout: ``python -m fuzzing --minutes 60 -o fuzz_findings``.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from fuzzing.runner import Tally, batches, keep, run_all, summary

ROUND = {
    "copy": 100,
    "header": 6000,
    "pixels": 2000,
    "series": 1500,
    "image": 2000,
    "mask": 2000,
    "report": 2000,
    "text": 1500,
    "case": 500,
    "study": 200,
}
"""Inputs of one round; rounds follow each other until the time is over."""


def main() -> int:
    """Run rounds and print counts; return 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="index of the first input")
    parser.add_argument("--targets", nargs="*", default=sorted(ROUND))
    parser.add_argument("-o", "--output", type=Path, default=Path("fuzz_findings"))
    given = parser.parse_args()
    seed = secrets.randbelow(2**31) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    counts = {target: ROUND[target] for target in given.targets}
    end = time.monotonic() + 60.0 * given.minutes
    all_tallies: dict[str, Tally] = {}
    kinds: Counter[str] = Counter()
    number = given.first
    with tempfile.TemporaryDirectory(prefix="fuzz-") as home:
        while time.monotonic() < end:
            tallies = run_all(batches(counts, seed, number), Path(home), given.workers)
            number += max(ROUND.values())
            for target, tally in tallies.items():
                all_tallies.setdefault(target, Tally()).add(tally)
                new = [f for f in tally.findings if not kinds[f"{target} {f.kind}"]]
                kinds.update(f"{target} {f.kind}" for f in tally.findings)
                keep({f.kind: f for f in new}.values(), given.output)
            print(summary(all_tallies), flush=True)
    for kind, count in kinds.most_common():
        print(f"{count:6} {kind}")
    n_inputs = sum(tally.n_inputs for tally in all_tallies.values())
    print(f"{n_inputs} inputs, {kinds.total()} findings of {len(kinds)} kinds, seed {seed}")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
