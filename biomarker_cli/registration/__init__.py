"""Images of a subject in one space: rigid and deformable alignment, its checks, REG objects."""
