"""One prompt to several models or settings, side by side."""
