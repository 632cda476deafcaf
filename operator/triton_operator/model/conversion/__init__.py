"""A model in another precision, made by ONNX Runtime's own tools, and a record of how."""
