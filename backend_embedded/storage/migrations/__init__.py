"""The revisions of the store's tables, run in the process when a store is opened."""
