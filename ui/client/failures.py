"""Every way in which a call of the backend fails, as a `ClientError`."""

from __future__ import annotations

from pydantic import ValidationError

from backend_embedded.contract.envelope import Failure
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from ui.client.port import ClientError

_CODE_OF_STATUS = {
    400: ErrorCode.INVALID_INPUT,
    401: ErrorCode.UNAUTHORIZED,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    409: ErrorCode.CONFLICT,
    413: ErrorCode.TOO_LARGE,
    422: ErrorCode.INVALID_INPUT,
    504: ErrorCode.TIMED_OUT,
}


def unreachable(reason: str) -> ClientError:
    """No answer came; `reason` goes on the sentence `The backend cannot be reached:`."""
    return ClientError(
        ErrorBody(
            code=ErrorCode.BACKEND_UNREACHABLE,
            message=f"The backend cannot be reached: {reason}.",
            remedy="The backend is started again by itself. If it does not come back, look at its log.",
        )
    )


def cut_off() -> ClientError:
    """A stream ended before its last event."""
    return unreachable("the answer was cut off")


def unreadable(path: str) -> ClientError:
    """An answer is not of the form that this program knows."""
    return ClientError(
        ErrorBody(
            code=ErrorCode.INTERNAL,
            message=f"The backend's answer to {path} could not be read.",
            remedy="Window and backend may be of different versions: close both and start again.",
        )
    )


def from_answer(status: int, body: bytes) -> ClientError:
    """The error that an answer of status 4xx or 5xx carries."""
    try:
        return ClientError(Failure.model_validate_json(body).error)
    except ValidationError:
        code = _CODE_OF_STATUS.get(status, ErrorCode.INTERNAL)
        text = body[:300].decode("utf-8", "replace").strip()
        return ClientError(
            ErrorBody(code=code, message=f"The backend answered with status {status}. {text}".strip())
        )
