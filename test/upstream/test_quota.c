#include "upstream/quota.h"

#include "test.h"

enum { HOUR = 3600, DAY = 86400 };
#define US UINT64_C(1000000)

TEST(day_begins_at_the_providers_hour)
{
    static const struct {
        unsigned hour;
        int64_t wall_s;
        int64_t until_s; /* so long to the reset */
    } rows[] = {
        {0, 10 * DAY, DAY},
        {0, 10 * DAY + 1, DAY - 1},
        {0, 11 * DAY - 1, 1},
        {7, 10 * DAY, 7 * HOUR},
        {7, 10 * DAY + 7 * HOUR, DAY},
        {23, 10 * DAY + 22 * HOUR, HOUR},
        {5, 0, 5 * HOUR},
        {0, -1, 1},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct quota q;

        quota_init(&q, 1, 0, rows[i].hour, rows[i].wall_s, 500 * US);
        CHECK_EQ(q.reset_us, (500 + (uint64_t)rows[i].until_s) * US);
    }
}

TEST(spends_no_more_than_a_days_worth)
{
    struct quota q;

    quota_init(&q, 3, 100, 0, 10 * DAY + 23 * HOUR, 0);
    CHECK(quota_has(&q, 3, 100, 0));
    CHECK(!quota_has(&q, 4, 0, 0) && !quota_has(&q, 0, 101, 0));
    quota_take(&q, 2, 60);
    CHECK(quota_has(&q, 1, 40, 5) && !quota_has(&q, 2, 0, 5) && !quota_has(&q, 0, 41, 5));
    CHECK(!quota_has(&q, 2, 0, HOUR * US - 1));
    CHECK(quota_has(&q, 3, 100, HOUR * US));
    CHECK_EQ(q.reset_us, (HOUR + DAY) * US);
    quota_take(&q, 3, 0);
    CHECK(quota_has(&q, 3, 0, (HOUR + 5 * (uint64_t)DAY) * US)); /* days without a call */
    CHECK_EQ(q.reset_us, (HOUR + 6 * (uint64_t)DAY) * US);
}

TEST(what_the_provider_says_holds_until_the_reset)
{
    struct quota q;

    quota_init(&q, 0, 0, 0, 10 * DAY, 0);
    CHECK(quota_has(&q, UINT64_MAX, UINT64_MAX, 0));
    q.spent = true;
    CHECK(!quota_has(&q, 1, 1, DAY * US - 1));
    CHECK(quota_has(&q, 1, 1, DAY * US));
}

TEST(gives_back_within_the_day)
{
    struct quota q;

    quota_init(&q, 3, 0, 0, 10 * DAY, 0);
    quota_take(&q, 3, 0);
    quota_give(&q, 1, 0, 5);
    CHECK(quota_has(&q, 1, 0, 10));
    quota_take(&q, 1, 0);
    CHECK(quota_has(&q, 3, 0, DAY * US));
    quota_take(&q, 3, 0);
    quota_give(&q, 1, 0, 10); /* of yesterday */
    CHECK(!quota_has(&q, 1, 0, DAY * US + 1));
}

/* The wall clock steps; the same day never begins twice. */
TEST(follows_the_wall_clock)
{
    struct quota q;

    quota_init(&q, 3, 0, 0, 10 * DAY + 23 * HOUR, 0);
    quota_take(&q, 3, 0);
    quota_clock(&q, 10 * DAY + 22 * HOUR, 60 * US); /* an hour back */
    CHECK_EQ(q.reset_us, (60 + 2 * HOUR) * US);
    CHECK(!quota_has(&q, 1, 0, HOUR * US));
    quota_clock(&q, 11 * DAY + 10, 70 * US); /* and into the next day */
    CHECK(quota_has(&q, 3, 0, 70 * US));
    quota_take(&q, 3, 0);
    quota_clock(&q, 11 * DAY - 20, 80 * US); /* 20 s before it: that day has begun already */
    CHECK_EQ(q.reset_us, (80 + 20 + DAY) * US);
    CHECK(!quota_has(&q, 1, 0, 120 * US));
    quota_clock(&q, 11 * DAY + 30, 130 * US);
    CHECK(!quota_has(&q, 1, 0, 131 * US));
    CHECK(quota_has(&q, 3, 0, (130 + DAY - 30) * US));
}

/* A clock that was wrong at the start, and is set right: what was spent is spent until the next day, and not for as
 * long as the clock was ahead. */
TEST(a_clock_that_was_far_ahead)
{
    struct quota q;

    quota_init(&q, 3, 0, 0, 400 * DAY + HOUR, 0);
    quota_take(&q, 3, 0);
    quota_clock(&q, 10 * DAY + 23 * HOUR, 60 * US);
    CHECK(!quota_has(&q, 1, 0, 61 * US));
    CHECK_EQ(q.reset_us, (60 + HOUR) * US);
    CHECK(quota_has(&q, 3, 0, q.reset_us));
    quota_take(&q, 3, 0);
    quota_clock(&q, 11 * DAY + HOUR, (60 + 2 * HOUR) * US);
    CHECK(!quota_has(&q, 1, 0, (61 + 2 * HOUR) * US)); /* that day has begun */
}

TEST_MAIN()
