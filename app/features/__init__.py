"""What the window offers, a module for each page: its presenter, its page and its commands put together."""
