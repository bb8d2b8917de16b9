"""How much each flag weighs when rows are pooled.

============  ====================================================================
info          says how the number came about; it stays comparable
caution       the number may be off, or rests on one source: look before pooling
do_not_use    the number is not what its row says, or is none of this trial
============  ====================================================================

A study may weigh them otherwise by a policy file of its own (`model.usability`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

Severity = Literal["info", "caution", "do_not_use"]

SEVERITY_WORDS: tuple[Severity, ...] = get_args(Severity)
"""From the lightest to the heaviest."""

_INFO = (
    "dates_shifted",  # distances of a subject hold, and decay is counted within one of them
    "lesion_small",  # a lesion that shrank: its size is as good as that of others
    "fact_varies",  # window settings, times: the rules judge the values that matter
    "roi_name_encoding",
    "roi_planes_unused",  # contours finer than the slices: each slice took the nearest
    "series_duplicates_dropped",
    "spacing_jitter",  # at most 0.1 mm
    "frame_not_assessable",  # as of most pairs of two modalities: nothing speaks against it
    "trace_images",  # the scanner's own geometric mean
    "trace_left_out",
)

_CAUTION = (
    # The acquisition, as its protocol sees it: not shown to fit, or let pass by a person.
    "acq_not_evaluable",
    "acq_waived",
    "draft_feature",
    "draft_protocol",
    "retired_protocol",
    # The site is not shown to have passed its tests at the time.
    "passport_dates_shifted",
    "passport_missing",
    "passport_stale",
    "passport_undated",
    # Headers that contradict themselves, lack a second source, or were read by a guess.
    "acquisition_date_rebuilt",
    "acquisition_times_differ",
    "b0_untagged",
    "b_from_gradient_length",
    "decay_factor_contradicted",
    "derived_b0",
    "direction_unknown",
    "directions_unbalanced",
    "fact_implausible",
    "fact_incomplete",
    "fact_unreadable",
    "ge_creator_missing",
    "injection_time_rebuilt",
    "injection_times_differ",
    "nuclide_unverified",
    "philips_creator_missing",
    "private_time_unused",
    "quantity_declared",
    "reference_time_contradicted",
    "reference_time_unconfirmed",
    "series_time_varies",
    "stored_suv_not_decayed",
    "suv_mapping_contradicted",
    "suv_override",
    "unit_inferred",
    "weight_unverified",
    # The scale of MR differs between scanners; shape and some textures survive that.
    "arbitrary_intensity",
    # The package rounds the image it resampled: textures move, by both engines.
    "integer_resampling",
    # Pixels under the text hold no signal, and the text may name somebody.
    "burned_in_annotation",
    # Files: something may be missing, or be of somebody else.
    "files_unusable",
    "frame_of_reference_shared",
    "series_in_several_studies",
    # The region: whether it belongs to the image, and how its voxels came about.
    "cross_series",
    "empty_slices",
    "frame_of_reference_override",
    "frame_of_reference_unknown",
    "instances_unmatched",
    "label_unnamed",
    "frame_shifted",
    "mask_propagated",
    "mask_source_acq_fail",
    "registration_accepted",
    "orphans_in_file",
    "roi_clipped",
    "roi_contours_cross",
    "roi_interpolated",
    "roi_off_plane",
    "roi_resampled",
    "roi_small",
    "roi_touches_border",
    "segment_assumed",
    "slice_thickness_differs",
    # The model does not hold in a share of the voxels; the others are as good as ever.
    "diffusion_out_of_range",
    "kurtosis_out_of_range",
    # Below the share of voxels at which the analysis calls the value undefined.
    "voxels_nan",
    # Perfusion: what the chain from signal to parameter rests on.
    "b1_uncorrected",
    "bound_reached",  # the other parameters of that fit may stand beside it
    "frame_gap",
    "frame_interval_long",
    "frames_dropped",
    "frames_missing",
    "motion_corrected",  # what is interpolated is blurred, and a limit is all that judges it
    "phase_times_from_content",
    "t10_assumed",
    # The line of the diameter, and the part of the lesion that it is of, want a look.
    "concave",
    "several_components",
    # Of tables made from measurements.
    "rc_other_conditions",
    "tolerance_below_half_slice",
)

_DO_NOT_USE = (
    "acq_fail",  # what the protocol calls an error; a waiver is how a study accepts it
    "deviates",  # the number is not of the analysis that its row names
    "implausible",  # no tissue has it: a wrong unit, a wrong b-value, another structure
    "passport_failed",  # the site's own test said that its numbers are off
    "bolus_early",  # the baseline holds contrast agent
    "noise_floor",  # biased by up to a fifth, and by as much as the scanner is noisy
    "pet_stored_values",  # Bq/ml of one series, counts of the next, all under the unit 1
    "mask_source_excluded",  # drawn on what the study left out
    "roi_gaps",  # half of the structure or more is left out
    "roi_padding",  # numbers that no scanner measured
    "study_duplicate_data",  # one patient counts twice, and one of the two is another
    "study_subject_mismatch",  # nobody knows whose number it is
)

_GROUPS: tuple[tuple[Severity, tuple[str, ...]], ...] = (
    ("info", _INFO),
    ("caution", _CAUTION),
    ("do_not_use", _DO_NOT_USE),
)

SEVERITIES: Mapping[str, Severity] = MappingProxyType(
    {flag: severity for severity, flags in _GROUPS for flag in flags}
)
"""Severity of each flag of `model.flags.FLAGS`, whatever its argument is."""

WITH_ARGUMENT = frozenset(
    {
        "acq_fail",
        "acq_not_evaluable",
        "acq_waived",
        "bound_reached",
        "frame_shifted",
        "mask_propagated",
        "mask_source_acq_fail",
        "rc_other_conditions",
        "suv_override",
        "tolerance_below_half_slice",
        "unit_inferred",
    }
)
"""Flags that may carry an argument behind a colon."""
