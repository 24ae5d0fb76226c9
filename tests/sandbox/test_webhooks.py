"""The sandbox's webhooks agree with what Notion documents of its own."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from daemon.sandbox import blocks
from daemon.sandbox.webhooks import ATTEMPTS, SIGNATURE, signed


# https://developers.notion.com/reference/webhooks: its example, body and signature.
TOKEN = "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"
SHAKEN = b'{"verification_token":"%s"}' % TOKEN.encode()
OF_SHAKEN = "sha256=461e8cbcba8a75c3edd866f0e71280f5a85cbf21eff040ebd10fe266df38a735"


class Mailbox:
    """Keeps what was sent; answers with `status`."""

    def __init__(self):
        self.sent, self.status = [], 200

    def __call__(self, url, body, headers):
        self.sent.append((url, body, headers))
        return self.status

    @property
    def told(self):
        return [json.loads(body) for _, body, _ in self.sent]

    @property
    def kinds(self):
        return [one["type"] for one in self.told]


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def page(world, rfcs):
    return world.page(rfcs, "Queues", [blocks.paragraph("We need queues.")])


@pytest.fixture
def hooks(box, mailbox, page):
    """Webhooks with a verified subscription."""
    box.webhooks.subscribe(box.bot, "https://team.example/events", mailbox)
    box.webhooks.verify(mailbox.told[0]["verification_token"])
    mailbox.sent.clear()
    return box.webhooks


def test_a_signature_is_that_of_the_official_example():
    assert signed(SHAKEN, TOKEN) == OF_SHAKEN


def test_nothing_is_told_before_the_token_came_back(box, world, mailbox, page):
    status = box.webhooks.subscribe(box.bot, "https://team.example/events", mailbox)
    [(url, body, headers)] = mailbox.sent
    assert (status, url, SIGNATURE in headers) == (200, "https://team.example/events", False)
    assert list(json.loads(body)) == ["verification_token"]
    with pytest.raises(LookupError):
        box.webhooks.verify("secret_of_somebody_else")
    world.comment(page, "Why?")
    box.webhooks.tell(mailbox)
    assert len(mailbox.sent) == 1


def test_an_event_carries_what_the_documentation_names_and_no_word_of_a_text(
    box, world, rfcs, hooks, mailbox, page
):
    block = world.blocks(page)[0]
    asked = world.comment(block, "Why *now*?")
    hooks.tell(mailbox)
    [(_, body, headers)] = mailbox.sent
    told = json.loads(body)
    assert set(told) == {
        *("id", "timestamp", "workspace_id", "workspace_name", "subscription_id"),
        *("integration_id", "authors", "attempt_number", "api_version", "type", "entity", "data"),
    }
    assert told["type"] == "comment.created"
    assert told["timestamp"] == "2026-11-20T12:00:42.250Z"
    assert told["entity"] == {"id": asked.id, "type": "comment"}
    assert told["data"] == {"parent": {"id": block.id, "type": "block"}, "page_id": page.id}
    assert told["authors"] == [{"id": asked.author_id, "type": "person"}]
    assert headers[SIGNATURE] == signed(body, hooks.subscriptions[0].token)
    assert b"now" not in body


def test_edits_of_a_page_are_told_together_and_comments_one_by_one(
    world, rfcs, hooks, mailbox, page
):
    block = world.blocks(page)[0]
    world.edit_block(block, "We need trees.")
    world.comment(page, "One.")
    made = world.add_block(page, blocks.paragraph("More."))
    world.edit_block(block, "We need queues and trees.")
    world.comment(page, "Two.")
    world.edit_property(page, "Status", "Ready")
    hooks.tell(mailbox)
    assert mailbox.kinds == [
        *("comment.created", "page.content_updated", "comment.created", "page.properties_updated")
    ]
    edited = mailbox.told[1]
    assert edited["entity"] == {"id": page.id, "type": "page"}
    assert [one["id"] for one in edited["data"]["updated_blocks"]] == [block.id, made.id]
    parent = {"id": rfcs.id, "type": "database", "data_source_id": rfcs.source_id}
    assert edited["data"]["parent"] == parent


def test_every_kind_of_event_that_people_cause_is_told(world, rfcs, hooks, mailbox, page):
    asked = world.comment(page, "One.")
    world.edit_comment(asked, "Two.")
    world.delete_comment(asked)
    world.page(rfcs, "Another")
    world.trash(page)
    world.restore(page)
    world.move_page(page, None)
    hooks.tell(mailbox)
    assert mailbox.kinds == [
        *("comment.created", "comment.updated", "comment.deleted", "page.created"),
        *("page.deleted", "page.undeleted", "page.moved"),
    ]


def test_what_a_connection_may_not_see_is_not_told_to_it(box, world, hooks, mailbox, page):
    world.unshare(page)
    world.comment(page, "One.")
    world.edit_block(world.blocks(page)[0], "Secret.")
    hooks.tell(mailbox)
    assert mailbox.sent == []


def test_what_is_not_taken_is_told_again_after_growing_waits_eight_times(
    box, world, hooks, mailbox, page
):
    mailbox.status = 503
    world.comment(page, "One.")
    for _ in range(3):
        hooks.tell(mailbox)
    assert len(mailbox.sent) == 1
    for _ in range(20):
        box.clock.advance(timedelta(hours=3))
        hooks.tell(mailbox)
    assert [one["attempt_number"] for one in mailbox.told] == list(range(1, ATTEMPTS + 1))
    assert len({one["id"] for one in mailbox.told}) == 1


def test_an_event_is_signed_anew_for_each_attempt(box, world, hooks, mailbox, page):
    mailbox.status = 0
    world.comment(page, "One.")
    hooks.tell(mailbox)
    box.clock.advance(timedelta(hours=1))
    hooks.tell(mailbox)
    token = hooks.subscriptions[0].token
    assert [headers[SIGNATURE] for _, _, headers in mailbox.sent] == [
        signed(body, token) for _, body, _ in mailbox.sent
    ]
