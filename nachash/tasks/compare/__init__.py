"""`compare` and `noise-sweep`: many trainings in one table."""
