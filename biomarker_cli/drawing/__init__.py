"""Pictures of slices: what is shown, in which greys, with which contours and captions."""
