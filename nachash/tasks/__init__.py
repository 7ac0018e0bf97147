"""One file per verb: settings in, record out; no print, no exit. This is the Python API.

Only tasks compose stages. A choice that the user should know of is told to `choice`, progress
to `progress`; both are handed in.
"""
