"""Which models are going away: what a vendor tells of them, before they stop answering."""

from __future__ import annotations

from datetime import date

from daemon.review.models.access import OFFLINE, ModelAccess, split


# OpenAI's API does not tell; its notices do: https://developers.openai.com/api/docs/deprecations
_ANNOUNCED = {
    "gpt-5": date(2026, 12, 11),
    "gpt-5-mini": date(2026, 12, 11),
    "gpt-5-nano": date(2026, 12, 11),
    "o3": date(2026, 12, 11),
    "gpt-4.1": date(2027, 1, 14),
    "gpt-4.1-mini": date(2027, 1, 14),
    "gpt-4o": date(2027, 1, 14),
    "gpt-4o-mini": date(2027, 1, 14),
    "gpt-5.1": date(2027, 4, 1),
    "gpt-5.4-nano": date(2027, 4, 1),
}


async def retirement(name: str, access: ModelAccess) -> str:
    """Return when the model `name` goes away, in words; "" where nothing is known of it.

    A vendor that does not tell is no failure: whether the model answers is asked elsewhere.
    """
    if name == OFFLINE:
        return ""
    vendor, model = split(name)
    if vendor.name == "anthropic":
        return await _told_by_anthropic(name, model, access)
    if access.is_own_server(vendor) or model not in _ANNOUNCED:
        return ""
    return f"is shut down on {_ANNOUNCED[model]}"


async def _told_by_anthropic(name: str, model: str, access: ModelAccess) -> str:
    """Ask https://docs.anthropic.com/en/api/models for the model's stage of life."""
    from anthropic import AnthropicError, AsyncAnthropic

    from daemon.review.models import endpoints as vendors

    client = vendors.endpoint(name, access).client
    if not isinstance(client, AsyncAnthropic):
        raise TypeError("not a client of Anthropic's")
    async with client:
        try:
            told = await client.models.retrieve(model)
        except (AnthropicError, ValueError):
            return ""
    stage = getattr(told, "lifecycle", "active")  # another server may leave it out
    if stage not in ("deprecated", "retired"):
        return ""
    retires = getattr(told, "retires_at", None)
    return f"is {stage}" + (f" and retires on {retires:%Y-%m-%d}" if retires else "")
