"""What goes wrong between Notion and its readers: refusals, in its words, and planted faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from daemon.sandbox.model import Json


class ApiRefusal(Exception):
    """An answer that is an error. `extra` becomes `additional_data`."""

    def __init__(
        self, status: int, code: str, message: str, extra: Json | None = None, wait: int = 0
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.extra = extra or {}
        self.wait = wait

    def body(self) -> Json:
        """Write the answer's body, without its request id."""
        body: Json = {"object": "error", "status": self.status, "code": self.code}
        body["message"] = self.message
        return body | ({"additional_data": self.extra} if self.extra else {})


def invalid(message: str) -> ApiRefusal:
    """Refuse a request that can never succeed."""
    return ApiRefusal(400, "validation_error", message)


def failed(where: str, rule: str, found: Any = ...) -> ApiRefusal:
    """Refuse a value: `where` is its path from body, query or path."""
    part = where.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0]
    said = "" if found is ... else f", instead was {shown(found)}"
    return invalid(f"{part} failed validation: {where} {rule}{said}.")


def shown(value: Any) -> str:
    """Write a refused value as Notion quotes it."""
    if value is None:
        return "`undefined`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def missing(kind: str, object_id: str, bot_id: str, bot_name: str) -> ApiRefusal:
    """Refuse an object that is gone or not shared: Notion does not tell which."""
    return ApiRefusal(
        404,
        "object_not_found",
        f"Could not find {kind} with ID: {object_id}. Make sure the relevant pages and databases"
        f' are shared with your integration "{bot_name}".',
        {"integration_id": bot_id},
    )


def missing_user(user_id: str, bot_id: str) -> ApiRefusal:
    """Refuse a user that is not in the workspace."""
    return ApiRefusal(
        404,
        "object_not_found",
        f"Could not find user with ID: {user_id}. Make sure your integration has capabilities to"
        " read user information. With those capabilities, only members and guests in the"
        " integration's workspace are visible.",
        {"integration_id": bot_id},
    )


def restricted() -> ApiRefusal:
    """Refuse for a capability that is off."""
    return ApiRefusal(403, "restricted_resource", "Insufficient permissions for this endpoint.")


def archived() -> ApiRefusal:
    """Refuse an edit below something in the trash."""
    return invalid(
        "Can't edit block that is archived. You must unarchive the block before editing."
    )


RATE_REASON = "public_api_request_rate_limit"


def rate_limited(wait: int, reason: str = RATE_REASON) -> ApiRefusal:
    """Refuse until `wait` seconds have passed."""
    return ApiRefusal(
        429,
        "rate_limited",
        "You have been rate limited. Please try again in a few minutes.",
        {"rate_limit_reason": reason, "retry_after": str(wait)},
        wait,
    )


class FaultKind(StrEnum):
    """What goes wrong. Up to SLOW nothing was done; from SAVED on the request had its effect."""

    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    BAD_GATEWAY = "bad_gateway"
    UNAVAILABLE = "unavailable"
    GATEWAY_TIMEOUT = "gateway_timeout"
    OVERLOADED = "overloaded"
    CONFLICT = "conflict"
    OVER_BUDGET = "over_budget"
    HTML = "html"
    DROP = "drop"
    SLOW = "slow"
    SAVED = "saved"
    OVER_BUDGET_SAVED = "over_budget_saved"
    DROP_SAVED = "drop_saved"
    SLOW_SAVED = "slow_saved"
    TRUNCATED = "truncated"
    BLANK = "blank"
    NULL_CURSOR = "null_cursor"
    STALE_CURSOR = "stale_cursor"
    EMPTY_PAGE = "empty_page"

    @property
    def is_before(self) -> bool:
        """Whether it strikes before the request has any effect."""
        kinds = list(FaultKind)
        return kinds.index(self) <= kinds.index(FaultKind.SLOW)


@dataclass(slots=True)
class Fault:
    """A planted fault.

    Attributes:
        kind: What goes wrong.
        method: The method it strikes, or "*".
        path: The path, with * and ? as in file names; * crosses slashes.
        times: How often it still strikes; None for ever.
        skip: How many matching requests still pass before.
        wait: Seconds in Retry-After, or of a slow answer.
        status: The status of an HTML answer.
        date_off: By how many seconds the `Date` of an HTML answer is wrong.
        reason: Notion's reason for a rate limit; "public_api_request_blocked" asks for no retry.
        struck: How often it struck.
    """

    kind: FaultKind
    method: str = "*"
    path: str = "/v1/*"
    times: int | None = 1
    skip: int = 0
    wait: float = 1
    status: int = 502
    date_off: float = 0
    reason: str = RATE_REASON
    struck: int = 0

    def strikes(self, method: str, path: str) -> bool:
        """Tell whether this request is struck, and count it."""
        if self.times is not None and self.struck >= self.times:
            return False
        if self.method not in ("*", method) or not fnmatchcase(path, self.path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.struck += 1
        return True


Policy = Callable[[str, str], Fault | None]


@dataclass(slots=True)
class Faults:
    """All faults of a sandbox. `policy`, where set, is asked when no planted one strikes."""

    planted: list[Fault] = field(default_factory=list)
    policy: Policy | None = None

    def plant(
        self, fault: Fault | FaultKind | str, method: str = "*", path: str = "/v1/*", **more: Any
    ) -> Fault:
        """Plant a fault, ready-made or by its kind; it strikes once unless it says otherwise.

        Args:
            fault: The fault or its kind.
            method: The method it strikes.
            path: The path it strikes, with * and ?.
            more: Other fields of `Fault`, such as times and skip.
        """
        planted = (
            fault if isinstance(fault, Fault) else Fault(FaultKind(fault), method, path, **more)
        )
        self.planted.append(planted)
        return planted

    def clear(self) -> None:
        """Take every fault away."""
        self.planted.clear()
        self.policy = None

    def strike(self, method: str, path: str) -> Fault | None:
        """Give the fault that strikes a request: the first planted that does."""
        for fault in self.planted:
            if fault.strikes(method, path):
                return fault
        return self.policy(method, path) if self.policy else None


_ERRORS = {
    FaultKind.SERVER_ERROR: (500, "internal_server_error", "Unexpected error occurred."),
    FaultKind.BAD_GATEWAY: (502, "bad_gateway", "Bad gateway."),
    FaultKind.UNAVAILABLE: (
        503,
        "service_unavailable",
        "Public API service is temporarily unavailable. Please try again later.",
    ),
    FaultKind.GATEWAY_TIMEOUT: (504, "gateway_timeout", "The request timed out."),
    FaultKind.OVERLOADED: (
        529,
        "service_overload",
        "Notion is overloaded. Please try again later.",
    ),
    FaultKind.CONFLICT: (
        409,
        "conflict_error",
        "Conflict occurred while saving. Please try again.",
    ),
}
# A write may be saved before its answer takes too long to render.
_OVER_BUDGET = (
    400,
    "validation_error",
    (
        "Public API object rendering exceeded the response time budget. Retry with exponential"
        " backoff; if the issue persists, reduce the size of the request."
    ),
)
_ERRORS |= dict.fromkeys((FaultKind.OVER_BUDGET, FaultKind.OVER_BUDGET_SAVED), _OVER_BUDGET)
_SAVED = (
    "The change was saved, but the response could not be built in time. Read the object again to"
    " see its current state."
)
_GUIDANCE = ["Read the object again to see its current state.", "Do not repeat the write."]


def refusal(fault: Fault) -> ApiRefusal | None:
    """Give the error that a fault answers with; None for one that does something else."""
    if fault.kind is FaultKind.RATE_LIMITED:
        return rate_limited(int(fault.wait), fault.reason)
    if fault.kind is FaultKind.SAVED:
        return ApiRefusal(503, "service_unavailable", _SAVED, {"retry_guidance": _GUIDANCE})
    found = _ERRORS.get(fault.kind)
    if found is None:
        return None
    wait = int(fault.wait) if fault.kind is FaultKind.OVERLOADED else 0
    return ApiRefusal(*found, wait=wait)
