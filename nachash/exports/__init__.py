"""Codes in the forms that other programs read. One file per format; its name is `--format`.

To add one: a file with `write(out, *, ids, codes, paths, bits)`, called with the live rows of an
index. It writes to a `complete_file`, so that no half file is left and no error of the disk is
lost. `BESIDE` names the suffixes of further files that it writes.
"""
