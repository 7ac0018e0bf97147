"""`search`: query pictures -> codes -> the nearest images of an index."""
