"""``biomarker readers --scores``: how readings in categories agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from biomarker_cli.cli.new_files import require_free
from biomarker_cli.cli.output import Listing, note, print_json, say


def compare_scores(path: Path, given: Mapping[str, Any], output_format: str) -> None:
    """Compare the readings of a table, and write and print what was found.

    Parameters
    ----------
    path : Path
    given : mapping
        Options of the command: truth, orders, positive, output, overwrite.
    output_format : str
        ``text`` or ``json``.
    """
    from biomarker_cli.multicentre.score_table import READER_SCORES, ScoreRules, score_rows
    from biomarker_cli.multicentre.scores import parse_orders, read_scores, read_truth
    from biomarker_cli.tables.writing import write_table

    folder: Path | None = given["output"]
    require_free(folder, READER_SCORES.file_name, overwrite=given["overwrite"])
    rules = ScoreRules(parse_orders(given["orders"]), given["positive"])
    truth = {} if given["truth"] is None else read_truth(given["truth"])
    rows = score_rows(read_scores(path), truth, rules)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        note(f"written: {write_table(READER_SCORES, rows, folder)}")
    if output_format == "json":
        names = READER_SCORES.column_names
        print_json([{name: row.get(name) for name in names} for row in rows])
        return
    _print(rows)


def _print(rows: Sequence[Mapping[str, Any]]) -> None:
    table = Listing("", ("item", "readings", "cases", "agree", "kappa", "weighted"), ("cases",))
    for row in rows:
        who = " - ".join(filter(None, (row["a"], row["b"])))
        when = " to ".join(filter(None, (row.get("occasion"), row.get("later_occasion"))))
        what = "truth" if row["comparison"] == "truth" else when
        agree = _shown(row, "agreement", 100)
        table.add_row(
            row["item"] or "-",
            f"{who} ({what})" if what else who,
            str(row["n_cases"]),
            f"{row['n_agree']} = {agree} %" if "n_agree" in row else "-",
            _shown(row, "kappa"),
            _shown(row, "kappa_quadratic"),
        )
    table.print()
    say("limits are of 95 %; weighted is kappa with quadratic weights")
    for row in rows:
        if "changed" in row:
            n_changed = row["n_cases"] - row["n_agree"]
            when = f"{row['occasion']} to {row['later_occasion']}"
            share = _shown(row, "changed", 100)
            say(f"{row['a']}, {when}: {n_changed} of {row['n_cases']} changed, {share} %")
        if "sensitivity" in row or "specificity" in row:
            parts = (f"{n} {_shown(row, n)}" for n in ("sensitivity", "specificity"))
            say(f"{row['a']}: {', '.join(parts)}")
    for reason in sorted({row["reason"] for row in rows if row.get("reason")}):
        note(f"undefined: {reason}")


def _shown(row: Mapping[str, Any], name: str, times: float = 1.0) -> str:
    """Return an estimate with its limits."""
    if row.get(name) is None:
        return "-"
    digits = 2 if times == 1.0 else 0
    value = f"{times * row[name]:.{digits}f}"
    low, high = row.get(f"{name}_ci95_low"), row.get(f"{name}_ci95_high")
    if low is None or high is None:
        return value
    return f"{value} ({times * low:.{digits}f}..{times * high:.{digits}f})"
