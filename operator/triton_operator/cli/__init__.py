"""The command line: triton-operator run | plan | model inspect | crds."""
