"""Runs the revisions on the connection that the store hands over."""

from __future__ import annotations

from alembic import context

from backend_embedded.storage import records  # noqa: F401  (adds its tables)
from backend_embedded.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
