"""``biomarker protocol publish``: hand protocols to other centres."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import print_json, say
from biomarker_cli.cli.protocol.kinds import load_any
from biomarker_cli.cli.protocol.lint import findings_of
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

_EPILOG = """\b
Examples:
  biomarker protocol publish site-ct.yaml -o shared
  biomarker protocol publish site-ct.yaml site-suv.yaml -o trial-7.zip

Exit codes: 0 published, 2 a protocol with an error, or a version that was
published with another content.
"""


@strict_command(epilog=_EPILOG)
@click.argument("wanted", metavar="FILE|ID[@V]...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR|FILE.zip|FILE.tar.gz",
    help="Folder, such as a git checkout, where they join others; or a new archive.",
)
@click.option("--overwrite", is_flag=True, help="Replace a version that is there, or the archive.")
@format_option
def publish(wanted: tuple[str, ...], output: Path, overwrite: bool, output_format: str) -> None:
    """Write protocols, and what they extend, into a share with an index of digests.

    The digest of the share is printed: who takes it in with `protocol add` gives
    it, so that nobody can change a limit on the way. Each protocol must pass its
    lint.
    """
    from biomarker_cli.protocol.errors import ProtocolError
    from biomarker_cli.protocol.publishing import publish as publish_documents

    documents = [load_any(one) for one in wanted]
    for kind, document in documents:
        errors = [f for f in findings_of(kind, document) if f.severity == "error"]
        if errors:
            first = errors[0]
            raise ProtocolError(
                "SHARE-LINT",
                f"{document.ident} has {counted(len(errors), 'error')}: "
                f"{first.code} {first.place}: {first.message}",
                where=document.path.name,
                hint=f"`biomarker protocol lint {document.path.name}` lists them.",
            )
    index = publish_documents(documents, output, overwrite=overwrite)
    if output_format == "json":
        held = {one.ident: one.sha256 for one in index.protocols}
        print_json({"sha256": index.sha256, "protocols": held})
        return
    for _, document in documents:
        say(f"published: {document.ident}  sha256 {document.sha256}")
    say(f"share: {output}, {counted(len(index.protocols), 'protocol')}, sha256")
    say(f"  {index.sha256}")
    say("next: biomarker protocol add " + f"{output}@{index.sha256}")
