"""Write the reference pages that follow from the code; `PAGES` names them.

``python docs/build_reference.py`` rewrites them; a test holds that they are current.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from build_analysis import analysis_page

from biomarker_cli.case.measures import measure_names, measure_room
from biomarker_cli.cli.main import cli
from biomarker_cli.evidence.association_tables import ASSOCIATIONS, FLOW, SUBJECTS
from biomarker_cli.model.flags import FLAGS
from biomarker_cli.model.severities import SEVERITIES
from biomarker_cli.multicentre.changes_table import CHANGES
from biomarker_cli.multicentre.combat_model import HARMONISED
from biomarker_cli.multicentre.combat_report import COMBAT_REPORT
from biomarker_cli.multicentre.reader_features import READER_FEATURES
from biomarker_cli.multicentre.readers import READER_PAIRS
from biomarker_cli.multicentre.referenced import REFERENCED
from biomarker_cli.multicentre.repeatability_table import REPEATABILITY
from biomarker_cli.multicentre.score_table import READER_SCORES
from biomarker_cli.regions.result import REGIONS, ROIS_WITH_AUDIT
from biomarker_cli.registration.carried_table import CARRIED
from biomarker_cli.registration.tables import REGISTRATION
from biomarker_cli.response.ledger import LEDGER
from biomarker_cli.response.tables import (
    ADJUDICATION,
    READER_AGREEMENT,
    RESPONSE_TABLES,
    WHAT_IF,
)
from biomarker_cli.tables.export.wide import ROW_COLUMNS
from biomarker_cli.tables.passports import PASSPORTS
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import EXCLUSIONS, ROIS, TABLES, Table

HERE = Path(__file__).resolve().parent

POOLING = """\
## Which rows may be pooled

The column `usable` of `measurements.csv` says it of each row:

| usable | rule |
|---|---|
| `no` | there is no value (`status` is not `ok`), or one of its flags is `do_not_use` |
| `caution` | else, where one of its flags is `caution` |
| `yes` | else |

| severity | of a flag that |
|---|---|
| `info` | says how the number came about; it stays comparable |
| `caution` | says that it may be off, or rests on one source: look before pooling |
| `do_not_use` | says that it is not what its row says, or is none of this trial |

`flags.csv` lists the flags that occur in the run, with severity, meaning and the number of rows
that carry them; [all flags](#flags) stand below. What must not be pooled, and why:

```python
import pandas as pd

m = pd.read_csv("results/measurements.csv", keep_default_na=False, na_values={"value": [""]})
out = m.loc[m["usable"] == "no", ["case_id", "roi_id", "feature_id", "status", "flags"]]
print(out.value_counts(["case_id", "roi_id", "status", "flags"]))
```

```r
m <- read.csv("results/measurements.csv", na.strings = character(0))
out <- m[m$usable == "no", c("case_id", "roi_id", "feature_id", "status", "flags")]
print(aggregate(feature_id ~ case_id + roi_id + status + flags, out, length))
```

Write `m["flags"]`: `m.flags` is something of pandas' own. (Without the options of the two readers
an id such as `NA` would be lost.)

A study may weigh flags otherwise. `usable: policy.yaml` in study.yaml names a file of its own:

```yaml
format: biomarker-usable/1
title: Retrospective arm              # may be left out
flags:
  draft_protocol: info
  acq_fail:RECIST-CT-001: caution     # of this rule alone
  roi_small: do_not_use
```

A flag with its argument goes before the flag, and what is not named weighs what the product says.
An unknown flag, or a rule that no acquisition protocol of the study has, stops the run by name
(`USABLE-POLICY`). Status comes first: no policy makes a row without value usable. The manifest
holds the sha256 of the file (`usable_policy`); after a change the next run measures nothing anew
and writes the tables again. Where a run of an earlier version lacks the column, the commands
below weigh its status and flags as the product does; a table of another program that has none
says nothing, and its values are taken.

### What each command does with the others

A row is left out for one of three reasons: it has no value (`status` is not `ok`), it is
`usable: no`, or it is a carried size: the size of a mask that was carried from another visit
(`mask_propagated`), which is that of the other visit. Nothing is left out silently:"""

LEFT_OUT = (
    ("command", "not usable, and carried sizes", "no value", "where it is told"),
    (
        "`repeatability`, `plot bland-altman`",
        "left out",
        "left out",
        "`n_not_usable`, `n_no_value`, `n_left_out`; stderr",
    ),
    (
        "`change`",
        "`undefined`, without a doubling time",
        "`undefined`",
        "`reason` of the row; counted on stderr",
    ),
    (
        "`readers` of runs",
        "left out",
        "left out",
        "`n_not_usable`, `n_no_value`, `n_left_out`; stderr",
    ),
    (
        "`combat fit`, `combat report`",
        "a sample without usable values is left out, one that lacks some: `COMBAT-INCOMPLETE`",
        "the same",
        "`n_samples_left_out` of the model; named on stderr",
    ),
    (
        "`combat apply`",
        "harmonised, and the row is `usable: no`",
        "a sample without any value is left out, one that lacks some is refused",
        "`usable` of `harmonised.csv`; named on stderr",
    ),
    ("`reference fit`", "left out", "left out", "`n_left_out` of each range; stderr"),
    (
        "`reference apply`",
        "`not_applicable`",
        "`not_applicable`",
        "`reason` of the row; counted on stderr",
    ),
    (
        "`samplesize --loss auto`",
        "the subject is lost",
        "the subject is lost",
        "the loss, with its limits",
    ),
    (
        "`associate`",
        "`not_usable`; with `usable: yes` in the plan those under `caution` too",
        "`no_value`",
        "the flow and the subjects",
    ),
    (
        "`join`",
        "takes no value: the tables go on as they are",
        "the same",
        "`usable` and `status`, as they were",
    ),
    ("`response`", "the lesion is not evaluable", "not evaluable", "`reason` of the lesion"),
    ("`export sdtm`", "`NOT DONE`", "`NOT DONE`", "`TRREASND`"),
    (
        "`pool`",
        "not usable: left out, unless `--usable all`; carried sizes go in with their flag",
        "left out, unless `--usable all`",
        "`exclusions.csv`",
    ),
    (
        "`export wide`",
        "not usable: left empty, unless `--usable all`; carried sizes filled in with their flag",
        "left empty",
        "`n_left_out`, `n_absent`, `flags`",
    ),
    ("`export joint`", "as `export wide`", "left empty", "its table of absent values"),
    (
        "`export sr`",
        "not usable: stays behind, unless `--usable all`",
        "stays behind",
        "`n_left_out` of the objects",
    ),
    (
        "`export parquet`, `read_results` of Python",
        "every row",
        "every row",
        "`usable` and `status`, as they were",
    ),
    (
        "`plot sites`, `plot change`, the figures of `report`",
        "not drawn, and no part of the quartiles",
        "not drawn",
        "named, or counted, beside the figure",
    ),
    (
        "`compare`",
        "compared: a row meets its like of the other run, and none is taken together",
        "compared",
        "`status` and `flags` that differ; `usable_policy` where flags were weighed otherwise",
    ),
)
"""Command, and what becomes of values that are not usable and of those that are absent."""

LEFT_OUT_NOT = """\
`readers` of masks and of scores, `review` and `passport` take no values of several cases
together."""


def left_out_lines() -> Iterator[str]:
    """Yield the table of what each command does with rows that may not be pooled."""
    head, *rows = LEFT_OUT
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(row)} |"


EXPORTS = """\
## export wide

`biomarker export wide DIR [-o FILE.csv]` writes one row per case and ROI and one column per
feature, `wide.csv` in DIR by default, and `wide.units.csv` beside it: the same columns, one row
with the unit of each. Rows are those of `measurements.csv`, in its order; numbers are its very
digits.

- **Names**: with one analysis a column is called by its `feature_id`, with several
  `analysis_id:feature_id`; `--analysis ID[@V]` chooses. Where images of an analysis have two units
  (CT and MR), each unit has a column, `feature_id [unit]`: no column mixes units.
- **Empty cells**: `--usable caution` (the default) fills in the rows that are `yes` or `caution`,
  `--usable yes` the former alone, `--usable all` every value there is. The row says what is
  missing and why: `n_left_out` counts values that are there and were left out, `n_absent`
  measurements without a value, `flags` are those of all measurements of the region.
- A table that is not, byte by byte, what `datapackage.json` says is refused (`TABLE-CHANGED`).
- In R: `read.csv("wide.csv", check.names = FALSE)`."""

PARQUET = """\
## export joint

`biomarker export joint DIR [-o FILE.csv]` writes one row per site, subject, timepoint and ROI, with
all quantities of the visit side by side: `joint.csv` in DIR by default, `joint.units.csv` with the
unit of each column, and `joint.absent.csv` with the reason of each empty cell. Each number is that
of its own image under its own mask: no image is moved, and nothing need be registered.

- **Names**: `quantity.feature`. The quantity is the first word of the feature where that is one
  (`suvbw.uptake.max`, `adc.intensity.median`), else the modality (`ct.original.intensity.mean`,
  `pt.original.intensity.mean`). Where several analyses have one feature, `.analysis_id` stands
  behind it, and where it has two units, ` [unit]`.
- **Each quantity** has `quantity.case_id`, `.status`, `.usable` (the worst of its values) and
  `.flags`. The status is `ok` (all cells filled), `partial`, `no_value`, `ambiguous`, or why nobody
  speaks of it: `no_case`, `case_failed`, `case_excluded`, `case_waiting`, `no_region`,
  `region_empty`, `region_missing`, `region_failed`, `region_skipped`, `not_measured`.
- **Ambiguous**: where two cases of a visit speak of one cell (two CT series with one analysis),
  neither is taken, even where one of them has no value; `quantity.case_id` and `joint.absent.csv`
  name both. Choose with `--role` or `--analysis`.
- **joint.absent.csv**: a row per empty cell, or one with the name of the quantity where nobody
  speaks of it: `case_id`, `reason` (the words above, `undefined`, `failed`, `skipped`, `usable_no`,
  `usable_caution` or `not_measured`) and the `flags` of the measurement. A visit without any ROI
  stands here alone, with an empty `roi_id`.

### Voxel by voxel

`biomarker export joint DIR --voxels --registration none|FILE -o voxels.parquet` writes the maps
that the run kept ([kept.md](kept.md): `keep: [masks, maps]`; a CT or the signal of an MR has none),
one row per voxel of each ROI on the grid of the coarsest map of the visit (the largest voxels;
among equals the first case by name). Columns: `site_id`, `subject_id`, `timepoint`, `roi_id`,
`grid_case_id`, `x_mm`, `y_mm`, `z_mm` (LPS, centre of the voxel), and of each map `name [unit]`,
`name.status` and `name.registration_id`; the name is that of the map (`suvbw`, `adc`), with `.role`
or `.analysis_id` behind it where several have it: two series never share a column.

- **How images lie** is said, never guessed. `none` takes the headers of images of one frame of
  reference at their word; a `registration.csv` of `biomarker register` leads from the series of the
  grid to the other, in either direction. With both, a registration of two other series of the run
  leads between their frames of reference: that of CT and MR also brings PET to ADC. One that
  failed, asks for a person, or is deformable is refused, and the headers do not take its place;
  of two that lead there and differ none is picked.
- **status**: `inside`; `outside_field_of_view` (beyond the outer faces of the outermost voxels);
  `masked` (the map has no value at one of the voxels that the interpolation needs);
  `not_registered`; `no_map`. Only `inside` has a value. Values are interpolated once, trilinear;
  the map that gives the grid is not interpolated.
- **voxels.maps.csv** has a row per visit, ROI and map: `grid_case_id`, `registration_id` (`none`
  for the headers, empty for the grid itself), `n_voxels`, `overlap_percent` (voxels in the field of
  view), `without_value_percent`, and `error_code` and `error_message` of what is not joined. A case
  whose ROIs were measured and of which nothing is kept, or nothing that can be read, has a row
  without ROI there.
- One map stands in memory at a time, and voxels are written 100,000 at a time: 3 visits of 512,000
  voxels and three maps took 316 MB at most, 9 such visits 318 MB.

## export parquet

`biomarker export parquet DIR -o DIR` writes each table of the run as `<table>.parquet` with the
types of its schema (string, double, int64, bool), descriptions and key in the metadata. An absent
number or truth value is null, an empty text is empty, and text is as it was before CSV escaped it.
`compare` takes `measurements.parquet` as it takes `measurements.csv`. It needs pyarrow
(`pip install 'biomarker-cli[parquet]'`)."""


def commands_page() -> str:
    """Return the help of every command as a page."""
    parts = [
        "# Commands",
        "",
        "This page is written by `docs/build_reference.py` from the commands' own `--help`.",
        "An option that takes one value is given once, and one that does nothing, without another",
        "or beside it, is refused by its name (exit code 2): none is ignored.",
    ]
    for path, command in _commands(cli, ("biomarker",)):
        # As the command line shows it: its settings hold for every command.
        settings = {**cli.context_settings, "max_content_width": 88}
        context = click.Context(command, info_name=" ".join(path), terminal_width=88, **settings)
        parts += ["", f"## {' '.join(path)}", "```", command.get_help(context).rstrip(), "```"]
    return "\n".join(parts) + "\n"


def _commands(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, member in sorted(command.commands.items()):
            yield from _commands(member, (*path, name))


def tables_page() -> str:
    """Return the columns of every table as a page."""
    parts = [
        "# Output tables",
        "",
        "This page is written by `docs/build_reference.py` from the schema in",
        "`biomarker_cli/tables/schema.py`. Every table is UTF-8 CSV with LF line ends, sorted by",
        "its key; floats are the shortest text that reads back to the same double. An absent",
        "value is empty and has a status, never 0 or NaN. `datapackage.json` describes the tables",
        "to machines (a Frictionless data package: types, keys and foreign keys, sizes, digests),",
        "`manifest.json` holds versions, protocol digests and input digests.",
        "",
        "## Cells of text",
        "",
        "Names and descriptions come from headers and files of people, and a spreadsheet runs a",
        "cell that begins like a formula. So, in every CSV that the product writes (also",
        "`scan -o`, `check -o`, `regions -o`, `cases.csv` of `init`):",
        "",
        "- A text that begins with `=`, `+`, `-`, `@`, a tab, a carriage return or an apostrophe,",
        "  and is no finite number, gets one apostrophe in front: `=1+1` stands as `'=1+1`,",
        "  `-1.5` stays. Keys are written alike in all tables, so that joins hold.",
        "- A text with NUL, or with bytes of a file name that is no UTF-8, begins with `'\\`; each",
        "  of these characters, and each backslash of that text, then stands as `\\uXXXX`.",
        "- Whoever reads the table takes exactly one apostrophe away where one of these",
        "  characters, or a backslash, follows it. All readers of the product do",
        "  (`tables.reading.read_table`, `tables.cells.unescape_cell`).",
        "- Names of columns that are made of ids (`export wide`, `export joint`) are written",
        "  alike. One with a character without a glyph, or that two columns would have, is",
        "  refused (`TABLE-HEADS`).",
        "",
        "Parquet and JSON hold the text itself; the bytes of a name that is no UTF-8 are written",
        "as `\\xff` there. On a terminal every character without a glyph (control characters,",
        "escape sequences, bidi overrides) is shown by its number, such as `\\x1b`.",
        "",
        POOLING,
        "",
        *left_out_lines(),
        "",
        LEFT_OUT_NOT,
    ]
    for table in TABLES:
        parts += ["", *_table(ROIS_WITH_AUDIT if table is ROIS else table)]
    agreement = (REPEATABILITY, CHANGES, READER_PAIRS, READER_FEATURES, READER_SCORES)
    agreement += (REFERENCED, HARMONISED, COMBAT_REPORT)
    evidence = (ASSOCIATIONS, FLOW, SUBJECTS)
    response = (*RESPONSE_TABLES, WHAT_IF, READER_AGREEMENT, ADJUDICATION, LEDGER)
    for table in (
        EXCLUSIONS,
        REGIONS,
        *agreement,
        *evidence,
        PASSPORTS,
        REGISTRATION,
        CARRIED,
        *response,
    ):
        parts += ["", *_table(table)]
    parts += ["", EXPORTS, "", *_columns(ROW_COLUMNS), "", PARQUET]
    parts += ["", "## Flags", "", "| flag | severity | meaning |", "|---|---|---|"]
    parts += [
        f"| `{flag}` | {SEVERITIES[flag]} | {meaning} |" for flag, meaning in sorted(FLAGS.items())
    ]
    return "\n".join(parts) + "\n"


def _table(table: Table) -> Iterator[str]:
    yield f"## {table.file_name}"
    yield f"One row per {table.title}. Key: {', '.join(table.key)}."
    yield ""
    yield from _columns(table.columns)


def _columns(columns: Iterable[Column]) -> Iterator[str]:
    yield "| column | type | meaning |"
    yield "|---|---|---|"
    for column in columns:
        words = f" ({', '.join(column.values)})" if column.values else ""
        yield f"| `{column.name}` | {column.type} | {column.description}{words} |"


def measures_page() -> str:
    """Return what the rooms of the table of measures say of themselves as a page."""
    parts = [
        "# Measures",
        "",
        "This page is written by `docs/build_reference.py` from `biomarker_cli/case/measures.py`.",
        "A measure is the word of `biomarker extract` and of `measure:` in an analysis protocol,",
        "and the key of its section there. `extract` gives its case the role named; `init`",
        "proposes for the images of a role an acquisition and an analysis protocol.",
        "",
        "| measure | what it is | modalities | role of `extract` | proposed by `init` | maps |",
        "|---|---|---|---|---|---|",
    ]
    for name in measure_names():
        room = measure_room(name)
        title = (room.__doc__ or "").partition("\n")[0].partition(" as a measure")[0]
        proposed = "; ".join(
            f"`{role.name}`: {role.acquisition}, {role.analysis}" for role in room.ROLES
        )
        maps = "`--maps`" if room.maps else ""
        cells = (f"`{name}`", title, ", ".join(room.MODALITIES) or "any", f"`{room.CASE_ROLE}`")
        parts.append(f"| {' | '.join((*cells, proposed, maps))} |")
    return "\n".join(parts) + "\n"


PAGES = {
    "analysis.md": analysis_page,
    "commands.md": commands_page,
    "measures.md": measures_page,
    "tables.md": tables_page,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8", newline="\n")
