"""The linear regions of an encoder before and after training."""
