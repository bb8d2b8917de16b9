"""The sheet as a page: one file that prints on A4, loads nothing and runs nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from html import escape

from biomarker_cli.acquisition.protocol import AcquisitionProtocol
from biomarker_cli.acquisition.sheet import ConsoleLine
from biomarker_cli.model.wording import shown

_STYLE = """\
@page { size: A4 landscape; margin: 12mm; }
body { font: 10pt/1.35 sans-serif; color: #111; background: #fff; margin: 1em; }
h1 { font-size: 15pt; margin: 0; }
h2 { font-size: 12pt; margin: 1em 0 .3em; break-after: avoid; }
p { margin: .2em 0; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th, td { border: 1px solid #777; padding: .25em .4em; text-align: left; vertical-align: top;
  overflow-wrap: anywhere; }
th { background: #eee; }
.limit { font-weight: bold; }
.small { font-size: 8pt; color: #444; }
.warn { border: 2px solid #111; padding: .3em .6em; font-weight: bold; }
@media print { body { margin: 0; } }
"""

_WRITTEN = {"siemens": "Siemens", "ge": "GE", "philips": "Philips", "canon": "Canon"}
_HEADS = (("parameter", 16), ("console name", 14), ("limit", 14), ("unit", 6), ("why", 24))
_FOUND = (("found", 12), ("fix", 14))


def sheet_html(
    protocol: AcquisitionProtocol, rows: Sequence[ConsoleLine], vendor: str = "", *, against: bool
) -> str:
    """Return the sheet as an HTML page.

    Parameters
    ----------
    protocol : AcquisitionProtocol
    rows : sequence of ConsoleLine
    vendor : str
        Whose scanner it is for; empty for any.
    against : bool
        Whether the rows tell what was found in a series.
    """
    return "\n".join(_page(protocol, rows, vendor, against=against)) + "\n"


def _page(
    protocol: AcquisitionProtocol, rows: Sequence[ConsoleLine], vendor: str, *, against: bool
) -> Iterator[str]:
    header = protocol.document.header
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield f"<title>{_text(protocol.ident)}</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>{_text(header.title)}</h1>"
    whose = f"for scanners of {_WRITTEN[vendor]}" if vendor else "for any scanner"
    yield f"<p>{_text(protocol.ident)}, {whose}. sha256 {protocol.document.sha256}</p>"
    if protocol.document.is_draft:
        yield '<p class="warn">A draft: its limits are not confirmed in their sources yet.</p>'
    if protocol.document.is_retired:
        yield '<p class="warn">Retired: it is not to be used for new scans.</p>'
    for series in dict.fromkeys(row.series for row in rows):
        if series:
            yield f"<h2>{_text(series)}</h2>"
        yield from _table([row for row in rows if row.series == series], against=against)
    yield '<p class="small">A limit with "should" or "may" is a recommendation. Rules are judged '
    yield "by what the images tell, with `biomarker check`.</p>"
    yield "</body></html>"


def _table(rows: Sequence[ConsoleLine], *, against: bool) -> Iterator[str]:
    heads = (*_HEADS, *(_FOUND if against else ()))
    whole = sum(width for _, width in heads)
    yield "<table><colgroup>"
    yield from (f'<col width="{100 * width / whole:.1f}%">' for _, width in heads)
    yield "</colgroup><thead><tr>"
    yield "".join(f'<th scope="col">{name}</th>' for name, _ in heads) + "</tr></thead><tbody>"
    for row in rows:
        applies = _small(f"only where: {row.applies}") if row.applies else ""
        level = "" if row.level == "shall" else _small(row.level)
        source = _small(row.name_source) if row.name_source else ""
        cells = [
            f"<td>{_text(row.parameter)}{applies}{_small(f'{row.rule_id}, {row.fact}')}</td>",
            f"<td>{_text(row.console_name)}{source}</td>",
            f'<td class="limit">{_text(row.limit)}{level}</td>',
            f"<td>{_text(row.unit)}</td>",
            f"<td>{_text(row.why)}</td>",
        ]
        if against:
            cells.append(f"<td>{_text(row.found)}{_small(row.outcome)}</td>")
            cells.append(f"<td>{_text(row.fix)}</td>")
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table>"


def _small(text: str) -> str:
    return f'<div class="small">{_text(text)}</div>'


def _text(text: str) -> str:
    """Return a text of a protocol or a header as it stands on a page, whatever it holds."""
    return escape(shown(text))
