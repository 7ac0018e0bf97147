"""`linear`: classifiers on frozen features."""
