"""Faults: what goes wrong between Notion and its readers, planted or drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from daemon.sandbox.refusal import Refusal
from daemon.sandbox.requests import RATE_REASON, rate_limited


class Kind(StrEnum):
    """What goes wrong. Up to SLOW nothing was done; from SAVED on the request had its effect."""

    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    BAD_GATEWAY = "bad_gateway"
    UNAVAILABLE = "unavailable"
    GATEWAY_TIMEOUT = "gateway_timeout"
    OVERLOADED = "overloaded"
    CONFLICT = "conflict"
    HTML = "html"
    DROP = "drop"
    SLOW = "slow"
    SAVED = "saved"
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
        kinds = list(Kind)
        return kinds.index(self) <= kinds.index(Kind.SLOW)


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
        reason: Notion's reason for a rate limit; "public_api_request_blocked" asks for no retry.
        struck: How often it struck.
    """

    kind: Kind
    method: str = "*"
    path: str = "/v1/*"
    times: int | None = 1
    skip: int = 0
    wait: float = 1
    status: int = 502
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
        self, fault: Fault | Kind | str, method: str = "*", path: str = "/v1/*", **more: Any
    ) -> Fault:
        """Plant a fault, ready-made or by its kind; it strikes once unless it says otherwise.

        Args:
            fault: The fault or its kind.
            method: The method it strikes.
            path: The path it strikes, with * and ?.
            more: Other fields of `Fault`, such as times and skip.
        """
        planted = fault if isinstance(fault, Fault) else Fault(Kind(fault), method, path, **more)
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
    Kind.SERVER_ERROR: (500, "internal_server_error", "Unexpected error occurred."),
    Kind.BAD_GATEWAY: (502, "bad_gateway", "Bad gateway."),
    Kind.UNAVAILABLE: (
        503,
        "service_unavailable",
        "Public API service is temporarily unavailable. Please try again later.",
    ),
    Kind.GATEWAY_TIMEOUT: (504, "gateway_timeout", "The request timed out."),
    Kind.OVERLOADED: (529, "service_overload", "Notion is overloaded. Please try again later."),
    Kind.CONFLICT: (409, "conflict_error", "Conflict occurred while saving. Please try again."),
}
_SAVED = (
    "The change was saved, but the response could not be built in time. Read the object again to"
    " see its current state."
)
_GUIDANCE = ["Read the object again to see its current state.", "Do not repeat the write."]


def refusal(fault: Fault) -> Refusal | None:
    """Give the error that a fault answers with; None for one that does something else."""
    if fault.kind is Kind.RATE_LIMITED:
        return rate_limited(int(fault.wait), fault.reason)
    if fault.kind is Kind.SAVED:
        return Refusal(503, "service_unavailable", _SAVED, {"retry_guidance": _GUIDANCE})
    found = _ERRORS.get(fault.kind)
    if found is None:
        return None
    wait = int(fault.wait) if fault.kind is Kind.OVERLOADED else 0
    return Refusal(*found, wait=wait)
