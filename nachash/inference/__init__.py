"""The encoder without torch: pixels in, activations out, by ONNX Runtime."""
