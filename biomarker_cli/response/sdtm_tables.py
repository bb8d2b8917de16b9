"""The tables in the shape of SDTM: tumour identification, tumour results, response.

Names and order of the variables are those of the SDTM Implementation Guide for human
clinical trials (CDISC) as far as our tables hold them; what they cannot hold is in `ABSENT`.
"""

from __future__ import annotations

from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table


def _domain(name: str) -> tuple[Column, ...]:
    return (
        Column("STUDYID", "string", "Study Identifier"),
        Column("DOMAIN", "string", "Domain Abbreviation", (name.upper(),)),
        Column("USUBJID", "string", "Unique Subject Identifier: STUDYID-subject_id"),
        Column(f"{name.upper()}SEQ", "integer", "Sequence Number, within the subject"),
    )


def _visit(name: str) -> tuple[Column, ...]:
    return (
        Column(f"{name.upper()}EVAL", "string", "Evaluator"),
        Column(f"{name.upper()}EVALID", "string", "Evaluator Identifier: the reader"),
        Column("VISIT", "string", "Visit Name: the timepoint"),
        Column(
            f"{name.upper()}DY",
            "integer",
            "Study Day: from day 0 of our tables, which is day 1; there is no day 0",
        ),
    )


TU = Table(
    "tu",
    "tumour, or what became of it, at the visit that identified it",
    (
        *_domain("tu"),
        Column("TULNKID", "string", "Link ID: the lesion"),
        Column(
            "TUTESTCD",
            "string",
            "Tumor Identification Short Name",
            ("TUMIDENT", "TUSPLIT", "TUMERGE"),
        ),
        Column("TUTEST", "string", "Tumor Identification Test Name"),
        Column("TUORRES", "string", "Tumor Identification Result", ("TARGET", "NON-TARGET", "NEW")),
        Column("TUSTRESC", "string", "Tumor Identification Result Std. Format"),
        Column("TULOC", "string", "Location of the Tumor, in the words of the ledger"),
        *_visit("tu"),
    ),
    ("USUBJID", "TUEVALID", "TUDY", "VISIT", "TULNKID", "TUTESTCD"),
)

TR = Table(
    "tr",
    "result of a tumour, or sum of the targets, at a visit",
    (
        *_domain("tr"),
        Column("TRGRPID", "string", "Group ID", ("TARGET", "NON-TARGET", "NEW")),
        Column("TRLNKID", "string", "Link ID: the lesion; empty for a sum"),
        Column("TRLNKGRP", "string", "Link Group ID: the assessment, as RSLNKGRP"),
        Column(
            "TRTESTCD",
            "string",
            "Tumor Assessment Short Name",
            ("LDIAM", "LPERP", "SUMDIAM", "TUMSTATE", "LNSTATE"),
        ),
        Column("TRTEST", "string", "Tumor Assessment Test Name"),
        Column("TRORRES", "string", "Result or Finding in Original Units"),
        Column("TRORRESU", "string", "Original Units"),
        Column("TRSTRESC", "string", "Character Result/Finding in Std. Format"),
        Column("TRSTRESN", "number", "Numeric Result/Finding in Standard Units"),
        Column("TRSTRESU", "string", "Standard Units"),
        Column("TRSTAT", "string", "Completion Status", ("NOT DONE",)),
        Column("TRREASND", "string", "Reason Tumor Measurement Not Performed"),
        *_visit("tr"),
    ),
    ("USUBJID", "TREVALID", "TRDY", "VISIT", "TRGRPID", "TRLNKID", "TRTESTCD"),
)

RS = Table(
    "rs",
    "response at a visit",
    (
        *_domain("rs"),
        Column("RSLNKGRP", "string", "Link Group ID: the assessment"),
        Column(
            "RSTESTCD",
            "string",
            "Assessment Short Name",
            ("TRGRESP", "NTRGRESP", "NEWLIND", "OVRLRESP"),
        ),
        Column("RSTEST", "string", "Assessment Name"),
        Column("RSCAT", "string", "Category for Assessment: criterion, id@version"),
        Column("RSORRES", "string", "Result or Finding in Original Units"),
        Column("RSSTRESC", "string", "Character Result/Finding in Std. Format"),
        *_visit("rs"),
    ),
    ("USUBJID", "RSEVALID", "RSDY", "VISIT", "RSTESTCD"),
)

DOMAINS = (TU, TR, RS)

COLUMNS = Table(
    "columns",
    "variable of an SDTM table",
    (
        Column("dataset", "string", "table"),
        Column("variable", "string", "name"),
        Column("label", "string", "what it holds"),
        Column("type", "string", "Char or Num", ("Char", "Num")),
        Column("words", "string", "what it may hold, joined by ;"),
    ),
    ("dataset", "variable"),
)

ABSENT = (
    "--DTC, the dates of the scans: our tables hold days. TRDTC is the date of the scan; "
    "summary rows have none.",
    "--EVAL, and RSACPTFL where several evaluators read: who reads for the trial is not ours "
    "to say.",
    "--METHOD, VISITNUM, EPOCH, RFSTDTC, and TULOC, TULAT and TUDIR in CDISC terms: TULOC "
    "holds the word of the ledger.",
    "Tumours of a ledger that was not given: without --ledger there are no rows of "
    "NON-TARGET lesions in TU and TR.",
    "Best response, progression and endpoints, which are derived in ADaM: best.csv and "
    "endpoints.csv have them.",
    "define.xml and transport files; columns.csv says what each variable holds.",
    "TR holds diameters in mm; values of PET, of density and of diffusion are not in it.",
)
"""What a sponsor must add, or look at."""
