"""The token that a registry wants to see, and another one when it does not take that any more."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Access:
    """The token of one download, shared by its connections; tokens live for minutes, a download for hours.

    Args:
        token: the first one; empty: none.
        renew: asks for another; blocking.
    """

    def __init__(self, token: str, renew: Callable[[], str]) -> None:
        self._token = token
        self._renew = renew
        self._untried = False
        self._renewing = threading.Lock()

    @property
    def token(self) -> str:
        """As it is now; empty: none."""
        return self._token

    def taken(self, token: str) -> None:
        """The server took this one."""
        if token == self._token:
            self._untried = False

    def refused(self, token: str) -> bool:
        """The server did not take this one: whether there is another by now.

        There is none when one that is new, and never was taken, is refused.
        """
        with self._renewing:
            if token != self._token:
                return True  # another connection was refused first
            if self._untried:
                return False
            self._token = self._renew()
            self._untried = True
            return True
