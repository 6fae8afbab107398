"""Who waits, and whose turn it is."""

from __future__ import annotations

from collections import defaultdict
from random import Random

import pytest

from cobot.journal.lines import RUNNING_MOST, Entry, Lines


def filled(*waiting: tuple[str, int]) -> Lines[str]:
    """Return lines in which these wait: head and number."""
    lines: Lines[str] = Lines()
    for head, number in waiting:
        lines.add(head, Entry(number))
    return lines


def numbers(taken: list[tuple[str, list[Entry]]]) -> list[list[int]]:
    """Return the numbers of what was taken."""
    return [[entry.id for entry in entries] for _, entries in taken]


def test_each_head_has_one_under_way() -> None:
    """The next of a line comes when the one before it has ended."""
    lines = filled(("a", 1), ("a", 2), ("b", 3))
    (first, second) = lines.take(10, 0.0)
    assert numbers([first, second]) == [[1], [3]]
    assert lines.take(10, 0.0) == []

    lines.done(*first)

    assert numbers(lines.take(10, 0.0)) == [[2]]


def test_who_is_ready_for_longest_comes_first() -> None:
    """A head with a long line waits behind those with a short one, each time anew."""
    lines = filled(("a", 1), ("a", 2), ("b", 3), ("c", 4))
    order = []
    while taken := lines.take(1, 0.0):
        order += numbers(taken)
        lines.done(*taken[0])

    assert order == [[1], [3], [4], [2]]


def test_what_is_given_back_is_first_again() -> None:
    """Nothing is lost by having been taken, and its head stands in front of all others."""
    lines = filled(("a", 1), ("a", 2), ("b", 3))
    ((head, entries),) = lines.take(1, 0.0)

    lines.give_back(head, entries)

    assert numbers(lines.take(10, 0.0)) == [[1], [3]]
    assert lines.count == 3


def test_what_is_due_later_holds_up_its_own_line_only() -> None:
    """Time makes it ready, and until then the others go on."""
    lines = filled(("a", 1), ("a", 2), ("b", 3))
    (first, other) = lines.take(10, 0.0)
    lines.done(*other)
    lines.give_back(*first, due=5.0)

    assert lines.take(10, 4.9) == []
    assert lines.wait_s(4.0) == pytest.approx(1.0)
    assert numbers(lines.take(10, 5.0)) == [[1]]
    assert lines.wait_s(5.0) is None


def test_of_a_group_the_latest_time_counts() -> None:
    """One more of a group that waits in front may have to be waited for."""
    lines: Lines[str] = Lines()
    lines.add("a", Entry(1, due=1.0, group="x"))
    lines.add("a", Entry(2))
    lines.add("a", Entry(3, due=3.0, group="x"))

    assert lines.take(10, 2.0) == []
    assert lines.wait_s(2.0) == pytest.approx(1.0)
    assert numbers(lines.take(10, 3.0)) == [[1, 3]]


def test_a_group_behind_another_message_waits_for_its_turn() -> None:
    """Only what stands in front is taken, and of other groups nothing."""
    lines: Lines[str] = Lines()
    for number, group in enumerate([None, "x", "y", "x"]):
        lines.add("a", Entry(number, group=group))
    order = []
    while taken := lines.take(1, 0.0):
        order += numbers(taken)
        lines.done(*taken[0])

    assert order == [[0], [1, 3], [2]]


def test_closed_heads_are_passed_over_until_their_time() -> None:
    """They use up none of the limit, and keep their place."""
    lines = filled(("a", 1), ("b", 2), ("c", 3), ("d", 4))
    closed = {"a": 9.0, "b": 5.0, "nobody": 1.0}

    taken = lines.take(1, 0.0, closed)

    assert numbers(taken) == [[3]]
    assert lines.wait_s(0.0) == pytest.approx(5.0)
    assert numbers(lines.take(10, 5.0, closed)) == [[2], [4]]


def test_a_closed_head_may_open_early() -> None:
    """Each call says anew what is closed."""
    lines = filled(("a", 1), ("b", 2), ("c", 3))
    assert lines.take(10, 0.0, dict.fromkeys("abc", 9.0)) == []

    assert numbers(lines.take(10, 0.0)) == [[1], [2], [3]]
    assert lines.wait_s(0.0) is None


@pytest.mark.parametrize("crashes", [1, 2, 7])
def test_those_that_saw_crashes_come_a_few_at_a_time(crashes: int) -> None:
    """The more crashes, the fewer at a time; others do not wait for them."""
    most = RUNNING_MOST[min(crashes, 2)]
    assert most is not None
    lines: Lines[str] = Lines()
    for number in range(100):
        lines.add(f"risky {number}", Entry(number, crashes=crashes))
    lines.add("harmless", Entry(1000))

    taken = lines.take(1000, 0.0)

    assert len(taken) == most + 1
    assert numbers(taken)[-1] == [1000]
    lines.done(*taken[0])
    assert len(lines.take(1000, 0.0)) == 1


def test_an_entry_may_leave_its_line() -> None:
    """Who is withdrawn is not taken, and the next of its line has its turn."""
    lines = filled(("a", 1), ("a", 2), ("b", 3))

    lines.remove("a", [1, 77])
    lines.remove("b", [3])
    lines.remove("nobody", [1])

    assert lines.count == 1
    assert numbers(lines.take(10, 0.0)) == [[2]]


def test_leaving_from_further_back_costs_the_head_no_place() -> None:
    """A head that was ready first stays first."""
    lines = filled(("a", 1), ("a", 2), ("b", 3))

    lines.remove("a", [2])

    assert numbers(lines.take(10, 0.0)) == [[1], [3]]


def test_renamed_lines_that_meet_are_one_in_order() -> None:
    """Two names of one chat: the earlier message is first, and one is under way at a time."""
    lines = filled(("new", 2), ("old", 1), ("old", 3), ("other", 4))

    lines.rename(lambda head: "new" if head == "old" else head)

    order = []
    while taken := lines.take(10, 0.0):
        order += [(head, [entry.id for entry in entries]) for head, entries in taken]
        for one in taken:
            lines.done(*one)
    assert order == [("other", [4]), ("new", [1]), ("new", [2]), ("new", [3])]


def test_what_is_under_way_in_two_lines_that_meet_ends_before_the_next() -> None:
    """The third waits for both."""
    lines = filled(("old", 1), ("new", 2), ("new", 3))
    taken = lines.take(10, 0.0)
    lines.rename(lambda _head: "new")
    assert lines.take(10, 0.0) == []

    for _, entries in taken:
        assert lines.take(10, 0.0) == []
        lines.done("new", entries)

    assert numbers(lines.take(10, 0.0)) == [[3]]


@pytest.mark.parametrize("seed", range(10))
def test_whatever_happens_every_line_is_served_in_order(seed: int) -> None:
    """Taken, given back, delayed, closed, withdrawn: what is left comes out, in order."""
    random = Random(seed)
    lines: Lines[int] = Lines()
    put: dict[int, list[int]] = defaultdict(list)
    got: dict[int, list[int]] = defaultdict(list)
    held: list[tuple[int, list[Entry]]] = []
    now = 0.0
    for number in range(500):
        head = random.randrange(8)
        due = now + random.random() * 3 if random.random() < 0.2 else 0.0
        lines.add(head, Entry(number, due=due, crashes=random.choice([0, 0, 0, 1, 2])))
        put[head].append(number)
        if random.random() < 0.05:
            victim = random.choice(put[head])
            before = lines.count
            lines.remove(head, [victim])
            if lines.count < before:
                put[head].remove(victim)
        closed = {random.randrange(8): now + 1.0} if random.random() < 0.3 else None
        held += lines.take(random.randrange(4), now, closed)
        assert len({one for one, _ in held}) == len(held)
        while held and random.random() < 0.6:
            head, entries = held.pop(random.randrange(len(held)))
            if random.random() < 0.3:
                lines.give_back(head, entries, due=random.choice([0.0, now + 1.0]))
            else:
                lines.done(head, entries)
                got[head] += [entry.id for entry in entries]
        now += random.random()
    while lines.count:
        held += lines.take(100, now)
        for head, entries in held:
            lines.done(head, entries)
            got[head] += [entry.id for entry in entries]
        held = []
        now += lines.wait_s(now) or 0.0

    assert got == put
    assert lines.wait_s(now) is None
