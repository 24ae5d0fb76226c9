"""What must hold, after every sweep and after quiet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from simulation.about_comments import (
    comments_stay_in_the_database,
    every_comment_stands_once,
    every_quote_stood,
    no_point_stands_twice,
    the_prompt_page_has_one_status,
    what_was_retracted_is_taken_back,
)
from simulation.about_pages import (
    a_paused_page_is_left_alone,
    a_read_is_whole,
    checkpoint_not_ahead,
    every_page_knows_the_prompt,
    every_pause_ends,
    every_state_is_handled,
    no_edit_hides,
    no_state_is_reviewed_twice,
)
from simulation.about_people import (
    a_question_is_answered_once,
    every_question_is_decided,
    nobody_gets_more_than_a_day_s_answers,
    only_people_are_answered,
)
from simulation.about_points import (
    a_no_holds_until_people_take_it_back,
    a_no_is_heard,
    a_point_is_closed_by_a_ruling_or_a_person,
    a_point_is_turned_down_by_a_person,
    a_ruling_has_words_that_came_or_went,
    each_settling_is_named_once,
    each_standing_summary_lists_the_open_points,
    no_closed_point_is_raised_again,
    no_standing_summary_names_a_closed_point,
    no_summary_names_a_closed_point,
    what_is_said_of_a_point_is_said_once,
)
from simulation.final import Final
from simulation.history import PLANTED_KEY


def the_limit_holds(final: Final) -> Iterator[str]:
    """No process sends more requests in any minute than it may, and Notion never says so."""
    limit = final.ended.settings.config.notion.requests_per_minute
    lives: dict[int, list[datetime]] = defaultdict(list)
    for at, life in final.record.requests:
        lives[life].append(at)
    for life, times in lives.items():
        for first, last in zip(times, times[limit:], strict=False):
            if last - first < timedelta(seconds=60):
                yield f"life {life} sent more than {limit} requests in a minute from {first}"
                break
    planned = final.record.counts["fault rate_limited"]
    said = sum(entry.status == 429 for entry in final.ended.box.requests.log)
    if said > planned:
        yield f"Notion said {said} times that there are too many requests, {planned} planted"


def no_secret_is_told(final: Final) -> Iterator[str]:
    """Neither log nor state holds a key."""
    dump = "\n".join(final.state.conn.iterdump())
    for secret in (final.ended.box.token, PLANTED_KEY):
        if secret in dump:
            yield "the state holds a secret"
        if any(secret in line for line in final.record.said):
            yield "the log holds a secret"


AFTER_EACH_SWEEP = (
    checkpoint_not_ahead,
    no_edit_hides,
    a_read_is_whole,
    a_paused_page_is_left_alone,
)
AT_END = (
    every_state_is_handled,
    every_pause_ends,
    no_state_is_reviewed_twice,
    every_page_knows_the_prompt,
    every_comment_stands_once,
    what_was_retracted_is_taken_back,
    no_point_stands_twice,
    every_quote_stood,
    only_people_are_answered,
    a_question_is_answered_once,
    every_question_is_decided,
    nobody_gets_more_than_a_day_s_answers,
    the_limit_holds,
    no_secret_is_told,
    a_point_is_closed_by_a_ruling_or_a_person,
    a_point_is_turned_down_by_a_person,
    a_no_holds_until_people_take_it_back,
    a_no_is_heard,
    a_ruling_has_words_that_came_or_went,
    each_settling_is_named_once,
    each_standing_summary_lists_the_open_points,
    no_closed_point_is_raised_again,
    no_standing_summary_names_a_closed_point,
    no_summary_names_a_closed_point,
    what_is_said_of_a_point_is_said_once,
    comments_stay_in_the_database,
    the_prompt_page_has_one_status,
)
