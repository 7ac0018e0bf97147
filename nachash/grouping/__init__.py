"""Which codes belong together: groups of codes that lie within a Hamming radius of one another.

Works on packed codes and knows neither files nor indexes. Exact: no pair is ever missed.
"""
