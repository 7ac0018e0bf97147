"""`serve`: one index, asked by many at once."""
