"""What is held out: whole stories, the same in every run, and the newest news."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from classifiers.corpus import position
from classifiers.examples import Example
from classifiers.text import identity_key
from monitor.actions.splitting import HELD_OUT, Split, groups, hold_out

STORIES = st.sampled_from(["", "story/1", "story/2", "story/3", "sub/1"])
EXAMPLES = st.lists(
    st.builds(
        Example,
        title=st.text(st.sampled_from("甲乙丙丁！ "), min_size=1),
        label=st.just("food"),
        group=STORIES,
        at=st.floats(0, 100),
    ),
    max_size=40,
)


def sides(split: Split) -> tuple[set[str], set[str]]:
    def marks(examples: list[Example]) -> set[str]:
        stories = {each.group for each in examples if each.group.startswith("story/")}
        return stories | {identity_key(each.title) for each in examples}

    return marks(split.rest), marks(split.held)


@given(EXAMPLES, EXAMPLES)
def test_no_copy_and_no_story_stands_on_both_sides(
    more: list[Example], learnt: list[Example]
) -> None:
    split = hold_out(more, learnt)
    rest, held = sides(split)
    assert not rest & held
    assert not held & sides(Split(learnt, []))[0]


@given(EXAMPLES)
def test_groups_keep_every_example_once(more: list[Example]) -> None:
    found = [each for group in groups(more) for each in group]
    assert sorted(map(id, found)) == sorted(map(id, more))


def test_copies_join_stories_that_share_no_words() -> None:
    more = [
        Example("央行降息", "finance", group="story/1"),
        Example("央行 降息！", "finance", group="story/2"),
        Example("利率下调", "finance", group="story/2"),
        Example("主场大胜", "sports"),
    ]
    assert [len(group) for group in groups(more)] == [3, 1]


def test_a_title_that_joins_a_story_later_changes_no_side() -> None:
    first = [Example(f"标题{n}", "food", group=f"story/{n}", at=n + 1.0) for n in range(300)]
    held = {each.title for each in hold_out(first, []).held}
    assert 10 < len(held) < 60
    later = [Example(f"另说{n}", "food", group=f"story/{n}", at=9_000.0 + n) for n in range(100)]
    again = {each.title for each in hold_out(first + later, []).held}
    assert held <= again
    assert {title for title in again if title.startswith("标题")} == held


def timed(count: int) -> list[Example]:
    return [Example(f"新闻{n}", "food", at=1_000.0 + n) for n in range(count)]


def test_the_newest_are_held_out_where_there_are_many() -> None:
    split = hold_out(timed(1_000), [])
    newest = {each.title for each in timed(1_000)[901:]}
    assert newest <= {each.title for each in split.held}
    assert split.learnt_until <= 1_901
    few = hold_out(timed(200), [])
    assert all(position(each.title) < HELD_OUT for each in few.held)


def test_what_the_live_release_may_have_learnt_is_not_held_out_for_being_new() -> None:
    split = hold_out(timed(1_000), [], live_until=1_950.0)
    late = [each for each in split.held if position(each.title) >= HELD_OUT]
    assert min(each.at for each in late) > 1_950
