"""The settings page: appearance, models, the local engine, folders, and what the program is made of."""
