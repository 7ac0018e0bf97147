"""Networks that turn images into activations: backbones, the head, the model directory, ONNX."""
