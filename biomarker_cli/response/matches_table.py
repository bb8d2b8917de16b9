"""The table ``matches.csv``: what a proposal of lesions over time rests on."""

from __future__ import annotations

from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table

MATCHES = Table(
    "matches",
    "subject x timepoint x lesion x ROI: a proposal of `response init --match`",
    (
        Column("subject_id", "string", "identifier that the study assigned"),
        Column("timepoint", "string", "visit"),
        Column("lesion_id", "string", "lesion that is known from before; empty for a new one"),
        Column("roi_id", "string", "ROI of the visit; empty for a lesion that has none"),
        Column(
            "kind",
            "string",
            "what is proposed; conflict where a recurring tracking UID says otherwise",
            (
                "match",
                "tie",
                "split",
                "merge",
                "new",
                "vanished",
                "conflict",
                "outside_field_of_view",
                "no_proposal",
            ),
        ),
        Column("status", "string", "nothing here is a call", ("proposed", "open")),
        Column("dice", "number", "overlap of both masks in the space of the baseline"),
        Column("distance_mm", "number", "between their centroids there"),
        Column("lesion_in_roi", "number", "share of the lesion that the ROI has"),
        Column("roi_in_lesion", "number", "share of the ROI that the lesion has"),
        Column("cost", "number", "(1 - dice) + min(distance / 20 mm, 1)"),
        Column("baseline", "string", "visit in whose space masks are compared"),
        Column("registration_id", "string", "how the visit was brought there; none: headers"),
        Column("note", "string", "what else to know"),
        Column("error_code", "string", "why the visit has no proposal"),
        Column("error_message", "string", "what was expected and found"),
    ),
    ("subject_id", "timepoint", "lesion_id", "roi_id", "kind"),
)
