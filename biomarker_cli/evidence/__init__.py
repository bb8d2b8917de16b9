"""Clinical tables joined to measurements, and features held against outcomes; reads tables only."""
