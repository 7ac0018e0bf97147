"""What the commands return: frozen dataclasses, one file per command; they become JSON."""
