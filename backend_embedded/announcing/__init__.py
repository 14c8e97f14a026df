"""What happens in the program as messages of the event queue, and the audit trail that is written from them."""
