"""The window around the pages: rail, status bar, palette, shortcut sheet and notifications."""
