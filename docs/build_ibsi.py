"""Write ibsi.md: every published value of IBSI beside ours.

``BIOMARKER_TEST_DATA=... python docs/build_ibsi.py`` rewrites it; the tests in
tests/reference hold each number of it, wherever the phantoms are there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# What is compared, and how, stands once: in the tests.
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]

import ibsi_benchmark as benchmark  # noqa: E402 - found through the path above

from biomarker_cli.model.quantity import HU  # noqa: E402

HEAD = """\
# IBSI: every published value, and ours

This page is written by `docs/build_ibsi.py`; `tests/reference/test_radiomics_ibsi1.py` and
`test_radiomics_ibsi2.py` measure every number of it again, and
`test_radiomics_ibsi1_commands.py` measures chapter 1 through the command, from DICOM with RTSTRUCT
and from NIfTI. The rule is that of IBSI: our value to three significant digits lies within the
published tolerance. A cell reads: our value; published value ± tolerance.
"""


def main() -> None:
    """Measure both chapters and write the page."""
    data = Path(os.environ["BIOMARKER_TEST_DATA"])
    reference = data.parent / "reference"
    first = [
        c for config in benchmark.CHAPTER_1 for c in benchmark.chapter_1(config, data, reference)
    ]
    phantom = benchmark.load_phantom(data / "ibsi" / "ct_phantom" / "nifti", HU)
    second = [
        c for config in benchmark.CHAPTER_2 for c in benchmark.chapter_2(config, phantom, reference)
    ]
    maps = {test: benchmark.map_deviation(test, data) for test in benchmark.MAPS}
    lines = [HEAD, *_summary(first, second, maps), *_chapter_1(first)]
    lines += [*_maps(maps), *_chapter_2(second)]
    (HERE / "ibsi.md").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _summary(first: Sequence[Any], second: Sequence[Any], maps: dict[str, float]) -> Iterator[str]:
    published = [c for c in second if c.published]
    near = sum(deviation <= benchmark.LARGEST_DEVIATION for deviation in maps.values())
    yield "| benchmark | within | of |"
    yield "|---|---|---|"
    yield f"| chapter 1, values | {sum(c.within for c in first)} | {len(first)} |"
    yield f"| chapter 2, response maps | {near} | {len(maps)} |"
    yield (
        f"| chapter 2, values with a consensus | {sum(c.within for c in published)} "
        f"| {len(published)} |"
    )
    yield ""


def cell(compared: Any) -> str:
    """Return our value; the published one and its tolerance."""
    ours = "none" if compared.value is None else f"{compared.value:.5g}"
    if not compared.published:
        return f"{ours}; no consensus"
    text = f"{ours}; {compared.published} ± {compared.tolerance}"
    return text if compared.within else f"**{text}**"


def _chapter_1(compared: Sequence[Any]) -> Iterator[str]:
    yield "## Chapter 1"
    yield ""
    yield "Protocols `ibsi-1-digital` and `ibsi-1-config-a` to `-e`."
    yield ""
    yield f"| feature | IBSI id | aggregation | {' | '.join(benchmark.CHAPTER_1)} |"
    yield "|---" * (3 + len(benchmark.CHAPTER_1)) + "|"
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for c in sorted(compared, key=lambda c: c.config != "digital"):
        rows.setdefault((c.tag, c.ibsi_id, c.aggregation), {})[c.config] = cell(c)
    for (tag, ibsi_id, aggregation), cells in rows.items():
        values = " | ".join(cells.get(config, "") for config in benchmark.CHAPTER_1)
        yield f"| {tag} | {ibsi_id} | {aggregation} | {values} |"
    yield ""


def _maps(maps: dict[str, float]) -> Iterator[str]:
    yield "## Chapter 2: response maps"
    yield ""
    yield "A map holds where no voxel is further off than 1 % of the range of the reference map."
    yield "Tests 9 and 10 are Riesz transforms; values on their maps have no consensus."
    yield ""
    yield "| test | phantom | filter | largest deviation, % of range |"
    yield "|---|---|---|---|"
    for test, deviation in maps.items():
        phantom, rules, planar = benchmark.MAPS[test]
        described = benchmark.FILTER.validate_python(rules).describe()
        plane = ", slice by slice" if planar else ""
        yield f"| {test} | {phantom} | {described}{plane} | {100 * deviation:.2g} |"
    yield ""


def _chapter_2(compared: Sequence[Any]) -> Iterator[str]:
    yield "## Chapter 2: values"
    yield ""
    yield "Statistics of response maps on the CT phantom; protocols `ibsi-2-config-1-a` to `-9-b`."
    for letter, words in (("A", "slice by slice"), ("B", "in space, at 1 mm")):
        configs = [config for config in benchmark.CHAPTER_2 if config.endswith(letter)]
        yield ""
        yield f"### {letter}: {words}"
        yield ""
        yield f"| feature | IBSI id | {' | '.join(configs)} |"
        yield "|---" * (2 + len(configs)) + "|"
        by_place = {(c.tag, c.config): c for c in compared}
        for tag, ibsi_id in benchmark.IBSI_IDS.items():
            values = " | ".join(cell(by_place[tag, config]) for config in configs)
            yield f"| {tag} | {ibsi_id} | {values} |"


if __name__ == "__main__":
    main()
