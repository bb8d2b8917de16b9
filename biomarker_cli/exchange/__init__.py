"""Studies that leave: DICOM copies that name nobody and can still be measured."""
