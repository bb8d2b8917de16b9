"""What a DICOM file says: headers, pixels and the dialects of vendors.

Nothing is decided here. A reader returns what stands in the header together
with the tag it came from; the rooms above decide what to make of it.
"""
