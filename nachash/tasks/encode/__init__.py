"""`encode`: images -> codes -> an index."""
