"""Language models: the port, the local engine that serves it, and the runner process that holds a model."""
