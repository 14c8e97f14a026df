"""What the user sees: pages, widgets, theme and the client of the backend."""
