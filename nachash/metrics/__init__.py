"""How good a ranking is: one file per metric, numpy, one value per query.

Hamming distances are small integers, so a ranking is mostly ties, and everything a metric needs
is how many items and how many relevant items lie at each distance. `distance_histogram` counts
them, without sorting and in bounded memory; every metric is a function of these counts. A query
without any relevant item is `nan`.

To add one: a file named after the metric with one public function from `Histograms` to one value
per query, its formula and source in the docstring, and a test against the definition.
"""
