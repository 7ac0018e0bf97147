"""The command line: one file per command, each parses, calls one task and renders its record.

To add a command, add a file whose public function `command` has annotated options and a
docstring (its help): the file's name, with hyphens, is what the user types. A folder is a group
of commands (`nachash index add`), whose help is its docstring. Each option says who may set it
besides the one who types (`settings.SetBy`). No logic here.
Results go to stdout; progress, warnings and choices made go to stderr.
"""
