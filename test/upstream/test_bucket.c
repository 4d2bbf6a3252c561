#include "upstream/bucket.h"

#include "test.h"

enum { EVENTS = 300, WORLDS = 2000 };

static uint64_t state;

static uint64_t draw(uint64_t n) /* 0..n-1 */
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % n;
}

TEST(refills_in_time)
{
    static const struct {
        uint64_t at_us, tokens;
        bool there;
        uint64_t when_us;
    } rows[] = {
        {0, 3, true, 0},
        {0, 1, false, 500000},
        {499999, 1, false, 500000},
        {500000, 1, true, 500000},
        {500000, 3, false, 2000000},
        {900000, 2, false, 1500000},
        {1500000, 2, true, 1500000},
        {1500000, 4, false, BUCKET_NEVER},
        {9000000, 3, true, 9000000},
        {9000000, 1, false, 9500000},
        {8000000, 1, false, 9500000},
    };
    struct bucket b;

    bucket_init(&b, 2 * BUCKET_RATE, 3 * (uint64_t)BUCKET_TOKEN, 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_EQ(bucket_has(&b, rows[i].tokens, rows[i].at_us), rows[i].there);
        CHECK_EQ(bucket_when(&b, rows[i].tokens, rows[i].at_us), rows[i].when_us);
        if (rows[i].there)
            bucket_take(&b, rows[i].tokens);
    }
}

TEST(holds_the_largest_figures)
{
    struct bucket b;

    bucket_init(&b, (uint64_t)BUCKET_MAX_PER_S * BUCKET_RATE, (uint64_t)BUCKET_MAX_BURST * BUCKET_TOKEN, 0);
    CHECK(bucket_has(&b, BUCKET_MAX_BURST, UINT64_MAX / 2));
    bucket_take(&b, BUCKET_MAX_BURST);
    CHECK_EQ(bucket_when(&b, 1000, UINT64_MAX / 2), UINT64_MAX / 2 + 1);
    CHECK(bucket_has(&b, BUCKET_MAX_BURST, UINT64_MAX / 2 + 1000000));
    bucket_init(&b, 1, BUCKET_TOKEN, 0);
    bucket_take(&b, 1);
    CHECK_EQ(bucket_when(&b, 1, 0), 256000000);
}

TEST(gives_nothing_before_a_hold_ends)
{
    struct bucket b;

    bucket_init(&b, 10 * BUCKET_RATE, 10 * (uint64_t)BUCKET_TOKEN, 0);
    bucket_hold(&b, 1000000);
    CHECK(!bucket_has(&b, 1, 1000000));
    CHECK_EQ(bucket_when(&b, 1, 5), 1100000);
    CHECK(bucket_has(&b, 1, 1100000));
}

struct sent {
    uint64_t at_us, tokens;
    bool back;
};

/* Everything that left, in every window between two departures. */
static uint64_t windows_over(const struct sent *v, unsigned n, uint64_t rate, uint64_t cap)
{
    uint64_t over = 0;

    for (unsigned i = 0; i < n; i++) {
        uint64_t sum = 0;

        for (unsigned j = i; j < n; j++) {
            sum += v[j].back ? 0 : v[j].tokens * BUCKET_TOKEN;
            over += sum > cap + rate * (v[j].at_us - v[i].at_us);
        }
    }
    return over;
}

/* Departures at random, changes of rate and capacity below the first ones, a clock that stands or steps back, holds,
 * and calls that did not leave after all. */
static uint64_t run_world(uint64_t seed)
{
    struct sent v[EVENTS];
    uint64_t rate, cap, true_us = 1000000, behind_us = 0, seen_us = true_us; /* the latest that it was told */
    unsigned n = 0;
    struct bucket b;

    state = seed * 0x9e3779b97f4a7c15u + 1;
    rate = (1 + draw(2000)) * BUCKET_RATE;
    cap = (1 + draw(50)) * BUCKET_TOKEN;
    bucket_init(&b, rate, cap, true_us);
    while (n < EVENTS) {
        uint64_t now_us, tokens = 1 + draw(draw(4) ? 3 : 20);

        true_us += draw(3) ? draw(2000) : draw(20) ? 0 : draw(10000000);
        behind_us = draw(10) ? behind_us : draw(2) * draw(3000000);
        now_us = true_us - (behind_us < true_us ? behind_us : true_us);
        bucket_settle(&b, now_us);
        seen_us = now_us > seen_us ? now_us : seen_us;
        if (draw(20) == 0) { /* one after the other: the order of arguments is the compiler's */
            uint64_t to_rate = draw(2) ? rate : 1 + draw(rate);
            uint64_t to_cap = draw(2) ? cap : BUCKET_TOKEN * (1 + draw(cap / BUCKET_TOKEN));

            bucket_resize(&b, to_rate, to_cap, now_us);
        }
        if (draw(100) == 0)
            bucket_hold(&b, now_us + draw(100000));
        if (n && draw(4) == 0) { /* one of the last few did not leave */
            unsigned i = n - 1 - (unsigned)draw(n < 12 ? n : 12);
            uint64_t before;

            if (v[i].back)
                continue;
            bucket_settle(&b, now_us);
            before = b.have;
            v[i].back = true;
            bucket_give(&b, v[i].tokens, v[i].at_us, now_us);
            CHECK(b.have <= b.cap && b.have >= before);
        }
        if (!bucket_has(&b, tokens, now_us))
            continue;
        bucket_take(&b, tokens);
        v[n++] = (struct sent){seen_us, tokens, false};
    }
    return windows_over(v, n, rate, cap);
}

TEST(no_window_has_more_than_the_rate_and_the_burst)
{
    uint64_t over = 0;

    for (unsigned i = 0; i < WORLDS; i++)
        over += run_world(i + 1);
    CHECK_EQ(over, 0);
}

TEST_MAIN()
