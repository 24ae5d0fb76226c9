from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.notation import addresses_by_id, database_id, notion_id


ID = "01234567-89ab-cdef-0123-456789abcdef"
HEX = "0123456789abcdef0123456789abcdef"
OTHER = "f" * 32

FORMS = [
    "{id}",
    "  {id}\n",
    "{dashed}",
    "https://www.notion.so/{id}",
    "https://notion.so/{id}",
    "http://notion.so/{id}",
    "notion://www.notion.so/{id}",
    "/{id}",
    "/{id}?pvs=25",
    "/acme/Some-RFC-{id}?pvs=25#ffffffffffffffffffffffffffffffff",
    "www.notion.so/acme/RFCs-{id}",
    "https://www.notion.so/acme/Some-RFC-{id}?pvs=4",
    "https://www.notion.so/acme/{id}?v=ffffffffffffffffffffffffffffffff",
    "https://www.notion.so/ffffffffffffffffffffffffffffffff/Some-RFC-{id}",
    "https://acme.notion.site/Some-RFC-{id}",
    "https://www.notion.com/p/Some-RFC-{id}",
    "https://app.notion.com/p/Some-RFC-{id}",
    "https://app.notion.com/p/{id}/",
    "https://app.notion.com/p/{dashed}",
    "https://app.notion.com/p/abc-def-{dashed}",
    "https://app.notion.com/p/acme/Some-RFC-{id}?source=copy_link#ffffffffffffffffffffffffffffffff",
    "https://app.notion.com/p/%C3%9Cberblick-{id}",
]


@pytest.mark.parametrize("form", FORMS)
@given(uuid=st.uuids(), upper=st.booleans())
def test_every_form_of_an_id_gives_the_dashed_id(form, uuid, upper):
    text = form.format(id=uuid.hex, dashed=uuid)
    text = text.replace(uuid.hex, uuid.hex.upper()) if upper else text

    assert notion_id(text) == str(uuid)
    assert database_id(text) == str(uuid)


@given(st.uuids())
def test_an_id_is_its_own_form(uuid):
    assert notion_id(notion_id(uuid.hex)) == str(uuid)


def id_or_reason(text):
    try:
        return str(UUID(notion_id(text)))
    except ValueError as error:
        return str(error)


@given(st.one_of(st.text(), st.text("0123456789abcdef-", min_size=30), st.text("/:.hnotis?p=")))
def test_any_text_gives_an_id_or_says_what_is_wrong(text):
    told = id_or_reason(text)

    assert told.startswith(("is ", "has ")) or told.replace("-", "") in text.replace("-", "")


def test_the_page_beside_a_database_is_the_page_and_never_the_database():
    url = f"https://app.notion.com/acme/{HEX}?v={OTHER}&p={'a' * 32}&pm=s"

    assert notion_id(url) == str(UUID("a" * 32))
    assert database_id(url) == ID


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is neither an id (32 hexadecimal digits) nor a Notion URL; copy the link"),
        ("RFCs", "is neither an id (32 hexadecimal digits) nor a Notion URL; copy the link"),
        (HEX[:-1], "has 31 hexadecimal digits, an id has 32; copy it again"),
        (HEX + "0", "has 33 hexadecimal digits, an id has 32; copy it again"),
        (
            f"https://example.com/{HEX}",
            "is not a URL of notion.so, notion.site, notion.com; copy the link in Notion itself",
        ),
        (
            f"https://evilnotion.so/{HEX}",
            "is not a URL of notion.so, notion.site, notion.com; copy the link in Notion itself",
        ),
        (
            f"file://notion.so/{HEX}",
            "is not a URL of notion.so, notion.site, notion.com; copy the link in Notion itself",
        ),
        ("https://[/x", "is not a URL that can be read; copy it again"),
        (
            "https://app.notion.com/p/RFCs",
            "is a Notion URL without an id; copy the link of the page or database itself",
        ),
        (
            f"https://app.notion.com/p/RFCs?v={HEX}",
            "is a Notion URL without an id; copy the link of the page or database itself",
        ),
        (
            f"https://app.notion.com/p/RFCs#{HEX}",
            "is a Notion URL without an id; copy the link of the page or database itself",
        ),
        (
            f"https://app.notion.com/p/RFCs{HEX}",
            "is a Notion URL without an id; copy the link of the page or database itself",
        ),
    ],
)
def test_what_is_no_id_is_refused_with_the_reason(text, message):
    with pytest.raises(ValueError) as caught:
        notion_id(text)

    assert str(caught.value) == message


IN_A_TEXT = [
    "https://www.notion.so/{id}",
    "http://notion.so/{id}",
    "notion://www.notion.so/{id}",
    "https://www.notion.so/acme/Some-RFC-{id}?pvs=4",
    "https://acme.notion.site/Some-RFC-{id}",
    "https://app.notion.com/p/{id}",
    "https://app.notion.com/p/{dashed}?source=copy_link",
    "/{id}",
    "/acme/Some-RFC-{id}?pvs=25",
]
# What may stand around a link in a line of Markdown.
AROUND = ["see [it]({}).", "**[it]({})**", "| [it]({}) | [it]({}) |", "[page: it] [x]({})\n[y]({})"]


@given(st.uuids(), st.sampled_from(IN_A_TEXT), st.sampled_from(IN_A_TEXT), st.sampled_from(AROUND))
def test_every_form_of_notions_own_address_is_the_same_address(uuid, one, other, around):
    texts = [around.replace("{}", form.format(id=uuid.hex, dashed=uuid)) for form in (one, other)]

    assert addresses_by_id(texts[0]) == addresses_by_id(texts[1])


@given(st.uuids(), st.uuids(), st.sampled_from(IN_A_TEXT), st.sampled_from(AROUND))
def test_addresses_of_two_pages_or_of_two_blocks_stay_two(one, other, form, around):
    texts = {
        around.replace("{}", form.format(id=page.hex, dashed=page) + place)
        for page in (one, other)
        for place in ("", f"#{other.hex}")
    }

    assert len({addresses_by_id(text) for text in texts}) == len(texts)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a/b c://d [x](y) [z](/docs/queues)",
        f"https://example.com/{HEX}",
        f"https://example.com/?to=https://www.notion.so/{HEX}",
        f"the id {HEX} and the path /{HEX}",
        "https://www.notion.so/product",
        "https://[/x",
    ],
)
def test_every_other_text_stays_as_it_is(text):
    assert addresses_by_id(text) == text


@pytest.mark.parametrize("mark", ["{}.", "<{}>", "**{}**", "`{}`", "“{}”, then", "({})"])
def test_an_address_ends_before_what_follows_it(mark):
    old, new = f"https://www.notion.so/{HEX}", f"https://app.notion.com/p/{HEX}"

    assert addresses_by_id(mark.format(old)) == addresses_by_id(mark.format(new))
    assert addresses_by_id(mark.format(old)) != mark.format(old)
