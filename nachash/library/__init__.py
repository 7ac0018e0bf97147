"""What `import nachash` gives: an index, an encoder, a hasher, and measures."""
