"""Deformable alignment: demons between two CT, the field that leads from one to the other."""
