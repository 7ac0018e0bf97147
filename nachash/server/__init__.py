"""The local web page and JSON API of `nachash serve`; what they compute lives in tasks."""
