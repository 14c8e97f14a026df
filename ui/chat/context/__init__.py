"""What a prompt costs of the context, and what is done when it does not fit."""
