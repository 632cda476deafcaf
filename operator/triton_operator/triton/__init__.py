"""Facts about NVIDIA Triton as pure functions: releases, flags, config.pbtxt, probes, memory."""
