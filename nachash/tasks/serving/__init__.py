"""What `nachash serve` computes: an index in memory, asked by many at once."""
