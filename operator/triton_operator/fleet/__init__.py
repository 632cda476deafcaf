"""One service over many clusters: who is heard of, and where replicas and requests should be."""
