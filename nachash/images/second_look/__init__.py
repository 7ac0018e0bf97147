"""Whether two pictures are the same one, seen at a higher resolution than a code has."""
