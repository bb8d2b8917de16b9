"""Images of a subject in one space: rigid alignment, its checks, DICOM objects of transforms."""
