"""The HDF5 index: codes, paths, labels and the encoder that made them, in one file.

`writer` creates and appends, `reader` reads, `journal` makes an append happen wholly or not at
all. The format is described in docs/index-format.md.
"""
