"""The overview page: every capability with who serves it, how well, and what happened lately."""
