"""Everything the program needs, checked one by one with what to do about it."""
