"""Notion's refusals, in its words where they are known from recorded traffic."""

from __future__ import annotations

from typing import Any

from daemon.sandbox.model import Json


class Refusal(Exception):
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


def invalid(message: str) -> Refusal:
    """Refuse a request that can never succeed."""
    return Refusal(400, "validation_error", message)


def failed(where: str, rule: str, found: Any = ...) -> Refusal:
    """Refuse a value: `where` is its path from body, query or path."""
    part = where.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0]
    said = "" if found is ... else f", instead was {shown(found)}"
    return invalid(f"{part} failed validation: {where} {rule}{said}.")


def shown(value: Any) -> str:
    """Write a refused value as Notion quotes it."""
    if value is None:
        return "`undefined`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def missing(kind: str, object_id: str, bot_id: str, bot_name: str) -> Refusal:
    """Refuse an object that is gone or not shared: Notion does not tell which."""
    return Refusal(
        404,
        "object_not_found",
        f"Could not find {kind} with ID: {object_id}. Make sure the relevant pages and databases"
        f' are shared with your integration "{bot_name}".',
        {"integration_id": bot_id},
    )


def missing_user(user_id: str, bot_id: str) -> Refusal:
    """Refuse a user that is not in the workspace."""
    return Refusal(
        404,
        "object_not_found",
        f"Could not find user with ID: {user_id}. Make sure your integration has capabilities to"
        " read user information. With those capabilities, only members and guests in the"
        " integration's workspace are visible.",
        {"integration_id": bot_id},
    )


def restricted() -> Refusal:
    """Refuse for a capability that is off."""
    return Refusal(403, "restricted_resource", "Insufficient permissions for this endpoint.")


def archived() -> Refusal:
    """Refuse an edit below something in the trash."""
    return invalid(
        "Can't edit block that is archived. You must unarchive the block before editing."
    )
