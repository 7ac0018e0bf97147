"""Look after an index: what is in it, whether it is sound, add, remove, merge, export.

One file per command, as in the folder above; they are typed as `nachash index NAME`.
"""
