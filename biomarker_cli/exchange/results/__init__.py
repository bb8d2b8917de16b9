"""What a run found as DICOM: segmentations, structured reports, parametric maps."""
