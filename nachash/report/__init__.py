"""Records become tables, JSON lines, plots and pages: one file per format, nothing is computed."""
