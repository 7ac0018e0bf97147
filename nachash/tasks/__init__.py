"""One file per verb: settings in, record out; no print, no exit. This is the Python API.

Only tasks compose stages. What the user should know of beside the result, such as a choice that
was made, is logged; progress is told to `progress`, which is handed in.
"""
