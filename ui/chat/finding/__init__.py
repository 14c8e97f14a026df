"""Search within the shown conversation and over all of them."""
