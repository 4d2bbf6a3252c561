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

TEST_MAIN()
