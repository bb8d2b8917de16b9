"""The first lines of a protocol file, for the tests of several rooms."""

from __future__ import annotations


def protocol_head(
    kind: str = "acquisition",
    ident: str = "site",
    version: str = "0.1.0",
    status: str = "draft",
    by: str = "recall",
    title: str = "Site",
) -> str:
    """Return the seven lines that every protocol begins with.

    Parameters
    ----------
    kind : str
        ``acquisition`` or ``analysis``.
    by : str
        How its source was confirmed.
    """
    return f"""\
format: biomarker-{kind}/1
id: {ident}
version: {version}
status: {status}
title: {title}
source: [{{doc: none, confirmed: {{by: {by}}}}}]
changelog: [{{version: {version}, date: 2026-01-01, change: first}}]
"""
