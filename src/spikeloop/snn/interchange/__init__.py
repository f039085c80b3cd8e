"""Networks from and for other tools: NIR files, ONNX models."""
