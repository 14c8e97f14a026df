"""The wire types that backend, command line and window share; they import nothing of the program."""
