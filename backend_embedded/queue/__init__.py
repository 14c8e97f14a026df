"""Messages between parts of the system: published with confirmation, handled at least once, never lost."""
