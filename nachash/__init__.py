"""Binary hashing and image retrieval with Neural Activation Coding."""

__version__ = "0.1.0"
