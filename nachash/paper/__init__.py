"""What only the paper's figures need: linear regions, and starts of a variational autoencoder."""
