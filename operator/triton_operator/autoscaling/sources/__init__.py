"""Where samples come from: the pods themselves, or a Prometheus that scrapes them."""
