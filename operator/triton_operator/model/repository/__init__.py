"""A Triton model repository, in a folder or an archive: listed, judged, unpacked."""
