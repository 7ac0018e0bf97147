"""How finely a ReLU encoder cuts its input space: exactly in the plane, sampled for images."""
