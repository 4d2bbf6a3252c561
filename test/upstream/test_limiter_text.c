#include "upstream/limiter_text.h"

#include "rpc/method.h"
#include "test.h"

enum { SECOND = 1000000 };

TEST(says_what_was_learned)
{
    unsigned logs = method_get(CHAIN_EVM, SLICE("eth_getLogs"))->slot;
    struct limiter l;
    struct buf out;

    limiter_init(&l, &(struct limiter_conf){.requests_per_s = 1000}, 0, 0);
    buf_init(&out, 4096);
    CHECK_EQ(limiter_text(&l, 0, &out), 0);
    CHECK_STR(buf_get(&out), "");
    limiter_refused(&l, &(struct limit_refusal){.requests = 1, .wait_us = 3 * SECOND}, 0);
    limiter_park_method(&l, logs, 5 * SECOND);
    limiter_refused(&l, &(struct limit_refusal){.kind = LIMIT_QUOTA, .sent_us = 4 * SECOND}, 4 * SECOND);
    CHECK_EQ(limiter_text(&l, SECOND, &out), 0);
    CHECK_STR(buf_get(&out), "500 of 1000 requests/s (refused 1 s ago), left alone for 2 s, eth_getLogs for 4 s, "
                             "quota spent (new in 86399 s)");
    buf_deinit(&out);
}

TEST(says_what_was_guessed)
{
    struct limiter l;
    struct buf out;

    limiter_init(&l, &(struct limiter_conf){.requests_per_day = 5}, 0, 0);
    buf_init(&out, 4096);
    limiter_take(&l, 1, 1, 0);
    limiter_refused(&l, &(struct limit_refusal){.requests = 1}, 1);
    CHECK_EQ(limiter_text(&l, SECOND, &out), 0);
    CHECK_STR(buf_get(&out), "8 requests/s (refused 1 s ago)");
    buf_deinit(&out);
}

TEST(shows_what_is_left)
{
    struct limiter l;
    struct limiter_now n;

    limiter_init(&l, &(struct limiter_conf){.requests_per_s = 10, .burst = 4, .units_per_day = 100}, 0, 0);
    limiter_take(&l, 3, 30, 0);
    limiter_look(&l, SECOND / 10, &n);
    CHECK_EQ(n.of[LIMITER_REQUESTS].per_s, 10);
    CHECK_EQ(n.of[LIMITER_REQUESTS].top, 10);
    CHECK_EQ(n.of[LIMITER_REQUESTS].tokens, 2);
    CHECK_EQ(n.of[LIMITER_UNITS].top, 0);
    CHECK_EQ(n.pause_us, 0);
    CHECK(n.requests_left == LIMITER_NO_END);
    CHECK_EQ(n.units_left, 70);
    CHECK_EQ(n.reset_us, UINT64_C(86399900000));
    limiter_refused(&l, &(struct limit_refusal){.kind = LIMIT_QUOTA, .sent_us = 0}, SECOND);
    limiter_park(&l, 3 * SECOND);
    limiter_look(&l, SECOND, &n);
    CHECK_EQ(n.pause_us, 2 * SECOND);
    CHECK_EQ(n.requests_left, 0);
    limiter_look(&l, UINT64_C(86400) * SECOND, &n);
    CHECK_EQ(n.pause_us, 0);
    CHECK_EQ(n.units_left, 100);
}

TEST(has_a_name_for_everything)
{
    for (unsigned i = 0; i < LIMIT_KINDS; i++)
        CHECK(limit_kind_name((enum limit_kind)i) != NULL);
    for (unsigned i = 0; i < LIMITER_WHYS; i++)
        CHECK(limiter_why_name((enum limiter_why)i) != NULL);
}

TEST_MAIN()
