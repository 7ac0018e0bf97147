"""How an index lies in its file, and how a commit reaches it wholly or not at all."""
