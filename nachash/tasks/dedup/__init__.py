"""`dedup` and `calibrate`: groups of near-duplicates, and the radius that finds copies."""
