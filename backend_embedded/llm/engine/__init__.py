"""The local engine, llama.cpp, as a part of this Python: whether it is there, its build, its cache."""
