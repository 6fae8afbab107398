"""How often Discord lets us ask, as its headers say."""

from __future__ import annotations

from cobot_discord.rates import BUCKETS_MOST, GUARD_S, INVALID_MOST, Rates

ROUTE = "POST /channels/{}/messages"


def headers(left: int, after_s: float, bucket: str = "b") -> dict[str, str]:
    """Return the headers of an answer."""
    return {
        "X-RateLimit-Remaining": f"{left}",
        "X-RateLimit-Reset-After": f"{after_s}",
        "X-RateLimit-Bucket": bucket,
    }


def test_nothing_is_known_before_the_first_answer() -> None:
    """And nothing after one without headers."""
    rates = Rates()

    assert rates.begin(ROUTE, "1", 0) is None
    assert rates.end(ROUTE, "1", 200, {}, 0) is None
    assert rates.begin(ROUTE, "1", 0) is None


def test_an_empty_bucket_says_for_how_long() -> None:
    """For its own channel; another one has another bucket."""
    rates = Rates()
    rates.begin(ROUTE, "1", 0)

    assert rates.end(ROUTE, "1", 200, headers(0, 2.5), 10) == 2.5
    assert rates.begin(ROUTE, "1", 11) == (1.5, "address")
    assert rates.begin(ROUTE, "2", 11) is None
    assert rates.begin(ROUTE, "1", 12.5) is None


def test_what_is_under_way_counts() -> None:
    """Two left are two requests, answered or not; answers overtake each other."""
    rates = Rates()
    rates.end(ROUTE, "1", 200, headers(2, 5), 0)

    assert [rates.begin(ROUTE, "1", 0) for _ in range(2)] == [None, None]
    assert rates.end(ROUTE, "1", 200, headers(1, 5), 0) == 5
    assert rates.begin(ROUTE, "1", 0) == (5, "address")


def test_routes_of_one_bucket_share_it() -> None:
    """As all reactions do; which routes these are, the answers say."""
    rates = Rates()
    for route in ("PUT /r", "DELETE /r"):
        rates.end(route, "1", 204, headers(1, 1), 0)

    assert rates.begin("PUT /r", "1", 0) is None
    assert rates.begin("DELETE /r", "1", 0) == (1, "address")


def test_all_is_closed_for_as_long_as_it_is() -> None:
    """Whatever is asked for."""
    rates = Rates()
    rates.close(3, 10)
    rates.close(1, 10)

    assert rates.begin("GET /x", "", 12) == (1, "channel")
    assert rates.begin("GET /x", "", 13) is None


def test_refusals_are_counted_but_for_those_that_others_caused() -> None:
    """Before there are so many that the address is banned."""
    rates = Rates()
    for _ in range(INVALID_MOST):
        rates.end(ROUTE, "1", 429, {"X-RateLimit-Scope": "shared"}, 0)
    assert rates.begin("GET /x", "", 0) is None

    for _ in range(INVALID_MOST):
        rates.end(ROUTE, "1", 403, {}, 5)
    assert rates.begin("GET /x", "", 5) == (GUARD_S, "channel")


def test_odd_headers_are_no_limit() -> None:
    """What cannot be read is not known."""
    rates = Rates()

    assert (
        rates.end(ROUTE, "1", 200, {**headers(0, 1), "X-RateLimit-Remaining": "x"}, 0) is None
    )


def test_what_is_full_again_is_forgotten() -> None:
    """A bot is in more channels than have to be remembered."""
    rates = Rates()
    for number in range(BUCKETS_MOST + 2):
        rates.end(ROUTE, f"{number}", 200, headers(0, 1), float(number))

    assert len(rates._buckets) < 10
