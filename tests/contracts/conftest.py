"""The databases that the suites of the stores run on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from postgres_stage import Stage, stage
from real_rabbitmq import RealRabbit, real_rabbitmq


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)])
def database_stage(request: pytest.FixtureRequest) -> Iterator[Stage | None]:
    """A real PostgreSQL server with ready databases; None stands for SQLite."""
    if request.param == "sqlite":
        yield None
        return
    with stage() as there:
        yield there


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(("embedded", False), id="embedded"),
        pytest.param(("embedded", True), id="embedded-switched"),
        pytest.param(("rabbitmq", False), id="rabbitmq", marks=pytest.mark.services),
        pytest.param(("rabbitmq", True), id="rabbitmq-switched", marks=pytest.mark.services),
    ],
)
def queue_stage(request: pytest.FixtureRequest) -> tuple[RealRabbit | None, bool]:
    """A real RabbitMQ server, or None for the embedded queue; and whether the queue that switches is before it."""
    product, switched = request.param
    return (request.getfixturevalue("rabbit") if product == "rabbitmq" else None), switched


@pytest.fixture(scope="session")
def rabbit() -> Iterator[RealRabbit]:
    """A real RabbitMQ server; a test that ends it starts it again."""
    with real_rabbitmq() as server:
        yield server
