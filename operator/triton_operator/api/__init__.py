"""The Kubernetes API as values: resources, conditions, reasons, names of labels. Imports nothing of ours."""
