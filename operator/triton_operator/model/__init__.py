"""What a model is: fetch its files, check their digest, read its facts. Runs inside Jobs."""

import os

# ONNX Runtime's wheels for Linux have telemetry that goes to Microsoft (1.32), and what is loaded
# here is somebody's model. It looks when it is imported first: after this.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
