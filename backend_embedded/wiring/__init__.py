"""Opens the adapters of one run: the only place that names them."""
