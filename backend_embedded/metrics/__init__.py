"""What the backend counts about itself, in Prometheus' text format."""
