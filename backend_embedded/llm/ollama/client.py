"""The connection to one Ollama server: the official client, with the lines of a stream as they are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import ollama

from backend_embedded.errors import ControlCenterError, ModelLoading
from backend_embedded.llm.ollama.failures import cut_off, refused, silent, unreachable
from backend_embedded.resilience.retry import LLM_INFERENCE, Retries, RetryObserver

CONNECT_S = 1.0
ANSWER_S = 10.0
UNHURRIED = httpx.Timeout(None, connect=CONNECT_S)
"""For what may take long: only the connection has a limit, the caller sets the others."""


class OllamaClient(ollama.AsyncClient):
    """The official client for one address; never by a proxy, never without time limits.

    A model that is still being loaded is asked once more after a pause (policy `llm_inference`).

    Args:
        url: address of the server.
        sleep: waits some seconds.
        observer: told of each further try.
    """

    def __init__(
        self,
        url: str,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        observer: RetryObserver | None = None,
    ) -> None:
        super().__init__(
            host=url,
            trust_env=False,
            verify=url.startswith("https:"),
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
        )
        self.url = url
        self._retries = Retries(LLM_INFERENCE, _loading, observer, sleep)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def version(self, timeout_s: float) -> str:
        """The server's version, which it tells at once when it lives."""
        async with asyncio.timeout(timeout_s):
            response = await self._client.get("/api/version")
        return str(response.raise_for_status().json()["version"])

    async def post(self, path: str, body: Mapping[str, Any], timeout_s: float | None) -> dict[str, Any]:
        """One question with one answer, as JSON objects."""
        with failures(self.url, str(body.get("model", ""))):
            async with asyncio.timeout(timeout_s):
                response = await self._client.post(path, json=dict(body), timeout=UNHURRIED)
            if response.is_error:
                raise refused(response.status_code, _error_text(response.text), str(body.get("model", "")))
            found = response.json()
        if not isinstance(found, dict):
            raise cut_off("not a JSON object")
        return found

    async def lines(
        self, path: str, body: Mapping[str, Any], first_s: float, next_s: float | None
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The objects of a stream; closing the generator closes the socket, which stops the server's work.

        The typed methods of the client leave out fields that we need (`truncate`, `shift`).

        Args:
            first_s: longest wait for the first object.
            next_s: longest silence after it; None: no limit.

        Raises:
            ControlCenterError: what the server said, or how the connection failed.
        """
        name = str(body.get("model", ""))
        with failures(self.url, name):
            loop = asyncio.get_running_loop()
            deadline = loop.time() + first_s
            try:
                async with asyncio.timeout_at(deadline):
                    response = await self._retries.call(lambda: self._opened(path, body, name))
            except TimeoutError:
                raise silent(first_s) from None
            try:
                texts = response.aiter_lines()
                limit: float | None = first_s
                while True:
                    try:
                        async with asyncio.timeout_at(deadline if limit is not None else None):
                            text = await anext(texts, None)
                    except TimeoutError:
                        raise silent(limit or 0) from None
                    if text is None:
                        return
                    if text.strip():
                        yield _object(text, name)
                    limit = next_s
                    deadline = loop.time() + (limit or 0)
            finally:
                await response.aclose()

    async def _opened(self, path: str, body: Mapping[str, Any], name: str) -> httpx.Response:
        """The answer to a request whose lines are to be read; raises what the server refused it with."""
        request = self._client.build_request("POST", path, json=dict(body), timeout=UNHURRIED)
        response: httpx.Response = await self._client.send(request, stream=True)
        if response.is_error:
            try:
                async with asyncio.timeout(ANSWER_S):
                    await response.aread()
                raise refused(response.status_code, _error_text(response.text), name)
            finally:
                await response.aclose()
        return response


def _loading(error: BaseException) -> str:
    return error.code.value if isinstance(error, ModelLoading) else ""


@contextmanager
def failures(url: str, model: str) -> Iterator[None]:
    """Turn the client's errors into ours."""
    try:
        yield
    except ControlCenterError:
        raise
    except ollama.ResponseError as error:
        raise refused(error.status_code, error.error, model) from error
    except (httpx.ConnectError, httpx.ConnectTimeout, ConnectionError) as error:
        raise unreachable(url) from error
    except (httpx.TimeoutException, TimeoutError) as error:
        raise unreachable(url, "time-out") from error
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise cut_off("the connection broke") from error
    except ValueError as error:
        raise cut_off(f"not the form of Ollama: {error}") from error


def _object(text: str, model: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        raise cut_off("a line is not JSON") from None
    if not isinstance(found, dict):
        raise cut_off("a line is not an object")
    if error := found.get("error"):
        status = found.get("status")
        raise refused(status if isinstance(status, int) else 200, str(error), model)
    return found


def _error_text(body: str) -> str:
    """The text of `{"error": text}`, or what came instead."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body
