"""Import segmentations: RTSTRUCT, DICOM SEG and label images, exactly and with an audit."""
