"""What a DICOM file says: headers, pixels and the dialects of vendors.

Nothing is decided here. A reader returns what stands in the header together
with the tag it came from; the rooms above decide what to make of it.
"""

from biomarker_cli.dicom.errors import HeaderError, PixelError
from biomarker_cli.dicom.frames import FrameHeader, Frames, frame_headers

__all__ = ["FrameHeader", "Frames", "HeaderError", "PixelError", "frame_headers"]
