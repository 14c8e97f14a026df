"""Parts of a table as a list: filtered, sorted, counted, inside a transaction of the caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Table, and_, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.errors import InvalidInput
from backend_embedded.storage.record_ports import Listing, Page
from backend_embedded.storage.rows import AnyRow

T = TypeVar("T")

NEWEST_FIRST = ("-created_at",)


async def page(
    connection: AsyncConnection,
    table: Table,
    wanted: Listing,
    make: Callable[[AnyRow], T],
    usual: tuple[str, ...] = NEWEST_FIRST,
) -> Page[T]:
    """The rows that are wanted, each through `make`; `usual` is the order when none is asked for."""
    condition = _condition(table, wanted)
    rows = await connection.execute(
        select(table)
        .where(condition)
        .order_by(*_order(table, wanted.sort or usual))
        .limit(wanted.limit)
        .offset(wanted.offset)
    )
    items = tuple(make(row) for row in rows)
    total = await connection.scalar(select(func.count()).select_from(table).where(condition))
    return Page(items, total or 0)


def _condition(table: Table, wanted: Listing) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = []
    for name, values in wanted.equal.items():
        column = table.c[name]
        conditions.append(column == values[0] if len(values) == 1 else column.in_(values))
    if wanted.since is not None:
        conditions.append(table.c.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(table.c.created_at < wanted.until)
    return and_(true(), *conditions)


def _order(table: Table, names: tuple[str, ...]) -> list[ColumnElement[Any]]:
    order: list[ColumnElement[Any]] = []
    downwards = False
    for name in names:
        plain = name.removeprefix("-")
        downwards = name != plain
        column = table.c.get(plain)
        if column is None or not _sortable(column):
            raise _unsortable(table, plain)
        directed = column.desc() if downwards else column.asc()
        # The two databases put what is absent at different ends.
        order.append(directed.nulls_last() if column.nullable else directed)
    # The id decides between equals, so that no row is on two pages.
    order.append(table.c.id.desc() if downwards else table.c.id.asc())
    return order


def _sortable(column: Column[Any]) -> bool:
    return type(column.type).__name__ not in ("Json", "LargeBinary")


def _unsortable(table: Table, name: str) -> InvalidInput:
    fields = [column.name for column in table.c if _sortable(column)]
    return InvalidInput(
        f"The list cannot be sorted by {name}.",
        remedy=f"It can be sorted by: {', '.join(fields)}.",
        fields=[{"field": "query.sort", "problem": f"no such field: {name}"}],
    )
