"""One file per verb of `nachash index`: settings in, record out."""
