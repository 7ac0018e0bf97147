"""Where images come from: folders, lists, archives, shards and URLs."""
