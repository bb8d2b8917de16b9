"""DICOM files into a PACS: what may leave, by which way, and what became of each."""
