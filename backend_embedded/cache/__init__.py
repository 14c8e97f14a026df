"""Cache, locks and rate limits: kept in this program or in Redis, and lost without harm."""
