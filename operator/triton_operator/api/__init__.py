"""The Kubernetes API as values: resources, conditions, names of labels. Imports nothing of ours."""
