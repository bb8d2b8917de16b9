"""Flags: stable words on a row that say what to know before pooling it.

A flag may carry an argument behind a colon (``acq_fail:RECIST-CT-001``).
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

FLAGS = MappingProxyType(
    {
        "acq_fail": "the acquisition broke an error-level rule; the argument is the rule id",
        "acquisition_date_rebuilt": "the date of acquisition was rebuilt from the series date",
        "acq_not_evaluable": "an error-level rule could not be judged; the argument is the rule id",
        "acq_waived": "an error-level rule that is not met is waived; the argument is the rule",
        "arbitrary_intensity": "the image has no physical unit; intensities are not comparable",
        "burned_in_annotation": "the header says that text is burned into the pixels",
        "concave": "the longest diameter runs over a concavity: lines inside are shorter",
        "cross_series": "the segmentation refers to another series of the same frame of reference",
        "deviates": "an option changed a number against the versioned protocol",
        "draft_feature": "the definition of the feature is a draft within a released protocol",
        "draft_protocol": "an acquisition or analysis protocol of the case is a draft",
        "retired_protocol": "an acquisition or analysis protocol of the case is retired",
        "fact_implausible": "a value of the fact cannot be (a thickness of 0): no rule judges it",
        "fact_incomplete": "some slices do not tell the fact; the value is that of the others",
        "fact_unreadable": "an element of the fact is damaged, or holds text in place of a number",
        "fact_varies": "the fact differs between the slices of the series; all values are listed",
        "passport_failed": "the site's last test before the examination failed; the argument is it",
        "dates_shifted": "dates were moved when the image was de-identified: no calendar fits them",
        "passport_dates_shifted": "dates of the image were moved; the argument is the test",
        "passport_missing": "the site had no such test before the examination; the argument is it",
        "passport_stale": "the site's test was too old at the examination; the argument is it",
        "passport_undated": "nothing tells when the image was made; the argument is the test",
        "pet_stored_values": "values are in the unit of the PET header (0054,1001), not SUV",
        "quantity_declared": "the unit was declared by the user, the file carries no header facts",
        "ge_creator_missing": "the decay moment of GE without its private creator was read",
        "private_time_unused": "a private decay moment was set aside: date, format or slices",
        "rc_other_conditions": "the repeatability was found under other, or unsaid, conditions",
        "reference_time_contradicted": "a private decay moment was used against a public time",
        "series_in_several_studies": "one SeriesInstanceUID stands in several studies of the path",
        "series_time_varies": "the slices of the series do not agree in SeriesDate or SeriesTime",
        "series_duplicates_dropped": "exact duplicates of instances were left out",
        "study_duplicate_data": "another case of the study holds the same image",
        "files_unusable": "a file beside the slices is cut short or empty: it may be one of them",
        "frame_of_reference_shared": "images of another subject name the same FrameOfReferenceUID",
        "study_subject_mismatch": "headers disagree on whose image or segmentation it is",
        "unit_inferred": "a unit was inferred from the size of a number; the argument is the tag",
        "implausible": "result outside the plausible range of the analysis protocol",
        "weight_unverified": "the patient's weight has no second source",
        "integer_resampling": "the image was resampled in an integer type: its values are rounded",
        "acquisition_times_differ": "not decay corrected: two elements tell other frame times",
        "decay_factor_contradicted": "DecayFactor tells another correction than DecayCorrection",
        "stored_suv_not_decayed": "an image of SUV that the header says is not decay corrected",
        "suv_mapping_contradicted": "a mapping to SUV in the image is not the factor of its header",
        "injection_times_differ": "start date-time and start time of the injection disagree",
        "injection_time_rebuilt": "the injection date was rebuilt from the clock time",
        "spacing_jitter": "slice positions deviate from a regular grid by at most 0.1 mm",
        "nuclide_unverified": "no code names the radionuclide; its half-life told which it is",
        "philips_creator_missing": "Philips scale factors without their private creator were read",
        "reference_time_unconfirmed": "one reference time only: nothing in the header confirms it",
        "suv_override": "the override file replaced a header value; the argument is the tag",
        "lesion_small": "the lesion is below the size that its analysis calls measurable",
        "several_components": "the region has parts on a slice that do not touch: one was measured",
        "roi_small": "the ROI is thinner than 3 voxels in a direction",
        "roi_touches_border": "the ROI touches the border of the image",
        "roi_clipped": "a part of the ROI lies outside the image",
        "frame_of_reference_override": "the study says that another frame of reference fits",
        "frame_of_reference_unknown": "image or segmentation does not name its frame of reference",
        "instances_unmatched": "the segmentation refers to its series but to other instances",
        "empty_slices": "a mask has empty slices between two that are filled and overlap",
        "orphans_in_file": "the segmentation holds contours or frames that belong to no ROI",
        "roi_name_encoding": "the name is not in the character set that the file declares",
        "segment_assumed": "no frame names its segment; the only one described took them all",
        "slice_thickness_differs": "one frame, of another slice thickness than the image",
        "roi_contours_cross": "contours that cross on one plane were united",
        "roi_gaps": "slices without a contour between two that overlap were left empty",
        "roi_interpolated": "slices without a contour were filled by shape-based interpolation",
        "roi_off_plane": "contours lie more than 0.1 mm off the centre of their slice",
        "roi_padding": "the ROI holds voxels that the scanner filled up, not measured",
        "roi_planes_unused": "planes of contours within the image that no slice took",
        "roi_resampled": "the mask was resampled to the grid of the image",
        "derived_b0": "the b = 0 image is a derived one, no acquired one was there",
        "b_from_gradient_length": "b was scaled by the squared length of its direction (GE)",
        "diffusion_out_of_range": "D of too many voxels is that of no tissue: blood or noise",
        "directions_unbalanced": "the directions of a b-value are lopsided: ADC of fibres is off",
        "direction_unknown": "several volumes of one b-value carry no direction",
        "kurtosis_out_of_range": "b D K is above 3 in too many voxels: the expansion fails there",
        "mask_propagated": "the mask was carried from another image; the argument tells how",
        "mask_source_acq_fail": "the image that the mask was drawn on breaks this rule",
        "mask_source_excluded": "the study leaves out the case that the mask was drawn on",
        "frame_shifted": "another image of this frame of reference lies elsewhere, by so much",
        "frame_not_assessable": "the images cannot tell whether one frame of reference holds",
        "registration_accepted": "a registration that did not pass its checks was accepted by name",
        "label_unnamed": "the table or header that names the labels leaves this value out",
        "noise_floor": "the signal at the highest b lies at the noise in too many voxels",
        "tolerance_below_half_slice": "one slice more or less is farther than this tolerance",
        "trace_images": "the fitted images are trace-weighted images of the scanner",
        "trace_left_out": "trace-weighted images were left out beside their directions",
        "b0_untagged": "a volume without b-value inside a diffusion series was read as b = 0",
        "b1_uncorrected": "no map of the transmit field corrects the flip angle at this strength",
        "bolus_early": "the bolus arrives within the baseline frames that the protocol names",
        "bound_reached": "a bound of the fit was reached in too many voxels; the argument is it",
        "frame_gap": "an interval between two frames is above 1.5 times the median",
        "frame_interval_long": "the frame interval is above what the model of the analysis bears",
        "frames_dropped": "frames were left out: they moved too far or could not be registered",
        "frames_missing": "the numbers of the phases leave some out",
        "motion_corrected": "frames were registered to one of them and interpolated once",
        "phase_times_from_content": "ContentTime, which may be that of reconstruction, told phases",
        "t10_assumed": "T1 before contrast was assumed by the protocol, not measured",
        "voxels_nan": "voxels without a fit were left out; the share is above the protocol's limit",
    }
)


def join_flags(flags: Iterable[str]) -> str:
    """Return flags as the tables write them: unique, sorted, joined by ``;``.

    Raises
    ------
    ValueError
        For a word that is not registered: a typing error would be silent.
    """
    unique = sorted(set(flags))
    for flag in unique:
        if flag.partition(":")[0] not in FLAGS:
            raise ValueError(f"unregistered flag {flag!r}")
    return ";".join(unique)


def split_flags(text: str) -> frozenset[str]:
    """Return the flags that `join_flags` joined."""
    return frozenset(filter(None, text.split(";")))
