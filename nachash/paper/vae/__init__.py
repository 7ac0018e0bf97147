"""Variational autoencoders whose encoder starts from trained weights."""
