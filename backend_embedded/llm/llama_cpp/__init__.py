"""Language models of this machine, each in a runner process of its own."""
