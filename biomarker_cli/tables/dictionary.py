"""The dictionary of features: one row of ``features.csv`` from those of several cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def joined_rows(alike: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return one row of an analysis and feature; what differs is listed, joined by ``;``.

    A row that is joined already gives its parts, so that joining in steps and at once
    is the same.

    Parameters
    ----------
    alike : sequence of mapping
        Column name to text.
    """
    merged = dict(alike[0])
    for column in merged:
        values = {row[column] for row in alike}
        if len(values) > 1:
            parts = {part for value in values for part in value.split(";") if part}
            # Of what holds for some cases only, nobody may say that it holds.
            is_truth = parts == {"true", "false"}
            merged[column] = "false" if is_truth else ";".join(sorted(parts))
    return merged
