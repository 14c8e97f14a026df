"""The desktop's composition root: command line, wiring, child processes, settings and paths."""
