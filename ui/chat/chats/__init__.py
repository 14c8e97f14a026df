"""The order in the list: pinned, folders, tags, archive, export and import."""
