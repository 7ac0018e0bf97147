"""`eval-map`: rankings of an index or a data set -> mean average precision."""
