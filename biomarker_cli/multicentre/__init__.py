"""Prove that centres, versions and programs give one number; reads tables, never images."""
