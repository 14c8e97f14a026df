"""What the band over the page says, and when it says nothing."""

from __future__ import annotations

from app.connection import Connection, Notice
from app.living_backend import Address
from app.supervision import Lost, Serving, Starting

SERVING = Serving(Address("http://127.0.0.1:1", "t", 1), owned=True)


def connected() -> Connection:
    connection = Connection(0)
    connection.backend_is(SERVING, 1)
    connection.stream_is(True, 1)
    return connection


def test_a_start_is_quiet_until_it_is_slow() -> None:
    connection = Connection(0)
    assert connection.notice(9) is None
    assert connection.notice(11) == Notice("The backend is starting.", False, True)
    assert connected().notice(50) is None


def test_a_loss_counts_down_and_offers_the_log_later() -> None:
    connection = connected()
    connection.stream_is(False, 20)
    connection.backend_is(Lost("It was killed.", 23.5, 2, ("last",)), 20)
    assert connection.notice(20.6) == Notice("It was killed. Trying again in 3 s.", True, False)
    assert connection.notice(23.6) == Notice("It was killed. Trying again now.", False, False)
    connection.backend_is(Starting(), 24)
    assert connection.notice(31) == Notice("It was killed. It is being started again.", False, True)
    assert connection.last_lines == ("last",)
    connection.backend_is(SERVING, 32)
    assert connection.notice(32) is not None
    connection.stream_is(True, 32)
    assert connection.notice(32) is None


def test_a_short_cut_of_the_stream_is_not_told() -> None:
    connection = connected()
    connection.stream_is(False, 5)
    assert connection.notice(5.5) is None
    assert connection.notice(6.5) == Notice("Connection to the backend lost, trying again.", True, False)
    assert not connection.is_open
