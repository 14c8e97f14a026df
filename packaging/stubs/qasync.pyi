"""Types of the parts of qasync 0.28 that the program uses: it has none of its own."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from PySide6.QtCore import QCoreApplication

T = TypeVar("T")

class QEventLoop(asyncio.AbstractEventLoop):
    def __init__(
        self,
        app: QCoreApplication | None = None,
        set_running_loop: bool = False,
        already_running: bool = False,
    ) -> None: ...
    def __enter__(self) -> QEventLoop: ...
    def __exit__(self, *args: object) -> None: ...

class DefaultQEventLoopPolicy(asyncio.DefaultEventLoopPolicy): ...

def run(main: Coroutine[Any, Any, T], *, debug: bool | None = None) -> T: ...
def asyncSlot(
    *args: Any, **kwargs: Any
) -> Callable[[Callable[..., Coroutine[Any, Any, T]]], Callable[..., asyncio.Task[T]]]: ...
