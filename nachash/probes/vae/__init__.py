"""A convolutional variational autoencoder around a given backbone: likelihoods, bounds, fit."""
