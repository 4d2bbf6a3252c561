/* The pool, the turn-taking and the back-off, with time as a number. */
#include "test.h"

#include "upstream/pick.h"
#include "upstream/pool.h"

static const struct pool_conf conf = {
    .max_sockets = 3, .max_idle = 2, .min_warm = 1, .idle_timeout_ms = 1000, .order = POOL_LIFO, .max_waiting = 10};

static void add_idle(struct pool *p, struct pool_member *m, uint64_t now_ms)
{
    pool_add(p, m, now_ms);
    CHECK(pool_give(p, m, now_ms));
}

TEST(lifo_reuses_the_warmest_fifo_the_coldest)
{
    for (int fifo = 0; fifo < 2; fifo++) {
        struct pool_conf c = conf;
        struct pool p;
        struct pool_member a, b;

        c.order = fifo ? POOL_FIFO : POOL_LIFO;
        pool_init(&p, &c, 0);
        add_idle(&p, &a, 1);
        add_idle(&p, &b, 2);
        CHECK(pool_take(&p, false, 3) == (fifo ? &a : &b));
        CHECK(pool_take(&p, false, 3) == (fifo ? &b : &a));
        CHECK(pool_take(&p, false, 3) == NULL);
        CHECK_EQ(p.carried_new, 2);
        CHECK_EQ(p.carried_reused, 0);
        CHECK(pool_give(&p, &a, 4));
        CHECK(pool_take(&p, true, 5) == NULL); /* it carried one: not fresh */
        CHECK(pool_take(&p, false, 5) == &a);
        CHECK_EQ(p.carried_reused, 1);
        pool_remove(&p, &a);
        pool_remove(&p, &b);
        pool_remove(&p, &b);
        pool_deinit(&p);
    }
}

TEST(idle_connections_are_bounded_and_expire)
{
    struct pool_conf long_lived = conf;
    struct pool p;
    struct pool_member a, b, c;

    long_lived.idle_timeout_ms = 10000;
    pool_init(&p, &long_lived, 0);
    add_idle(&p, &a, 0);
    add_idle(&p, &b, 100);
    CHECK_EQ(pool_next_expiry(&p), 10000);
    add_idle(&p, &c, 300); /* one more than max_idle: the longest idle one goes soon */
    CHECK_EQ(pool_next_expiry(&p), POOL_SURPLUS_MS);
    CHECK(pool_take(&p, false, 400) == &c);
    CHECK_EQ(pool_next_expiry(&p), 10000); /* in use: nothing is too many */
    CHECK(pool_give(&p, &c, 500));
    CHECK(pool_expire(&p, POOL_SURPLUS_MS - 1) == NULL);
    CHECK(pool_expire(&p, POOL_SURPLUS_MS) == &a);
    CHECK(pool_expire(&p, POOL_SURPLUS_MS + 100) == NULL); /* two are left: these may stay */
    CHECK_EQ(pool_next_expiry(&p), 10100);
    CHECK(pool_take(&p, false, 3000) == &c);
    CHECK(pool_give(&p, &c, 3060)); /* its idle time begins anew */
    CHECK(pool_expire(&p, 10100) == &b);
    CHECK_EQ(pool_next_expiry(&p), 13060);
    CHECK(pool_evict(&p) == &c);
    CHECK(pool_evict(&p) == NULL);
    CHECK_EQ(pool_next_expiry(&p), UINT64_MAX);
    CHECK_EQ(p.closed, 3);
    pool_deinit(&p);
}

TEST(max_idle_zero_keeps_none_that_was_used)
{
    struct pool_conf none = conf;
    struct pool p;
    struct pool_member a;

    none.max_idle = 0;
    pool_init(&p, &none, 0);
    add_idle(&p, &a, 0); /* dialled for a call */
    CHECK(pool_take(&p, false, 0) == &a);
    CHECK(!pool_give(&p, &a, 0));
    CHECK_EQ(pool_sockets(&p), 0);
    pool_deinit(&p);
}

TEST(dials_are_bounded_and_keep_it_warm)
{
    static const struct {
        unsigned idle, busy, dialling, waiting, want;
    } rows[] = {
        {0, 0, 0, 0, 1}, /* min_warm */
        {0, 0, 1, 0, 0}, {1, 0, 0, 0, 0}, {0, 1, 0, 0, 0}, {0, 0, 0, 2, 2}, {0, 0, 0, 9, 3},
        {0, 1, 1, 1, 0}, {0, 1, 1, 2, 1}, {0, 3, 0, 9, 0}, {1, 1, 0, 1, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pool p;
        struct pool_member m[3];
        unsigned n = 0;

        pool_init(&p, &conf, 0);
        for (unsigned k = 0; k < rows[i].busy; k++) {
            add_idle(&p, &m[n++], 0);
            CHECK(pool_take(&p, false, 0) != NULL);
        }
        for (unsigned k = 0; k < rows[i].idle; k++)
            add_idle(&p, &m[n++], 0);
        for (unsigned k = 0; k < rows[i].dialling; k++)
            pool_add(&p, &m[n++], 0);
        CHECK_EQ(pool_dials_wanted(&p, rows[i].waiting), rows[i].want);
        while (n)
            pool_remove(&p, &m[--n]);
        pool_deinit(&p);
    }
}

TEST(max_requests_per_socket_and_max_inflight)
{
    struct pool_conf c = conf;
    struct pool p;
    struct pool_member a, b;

    c.max_requests_per_socket = 2;
    pool_init(&p, &c, 1);
    add_idle(&p, &a, 0);
    add_idle(&p, &b, 0);
    CHECK(pool_take(&p, false, 0) == &b);
    CHECK(pool_take(&p, false, 0) == NULL); /* one call on the wire is all it may have */
    CHECK_EQ(pool_dials_wanted(&p, 5), 0);
    CHECK(pool_give(&p, &b, 0));
    CHECK(pool_take(&p, false, 0) == &b);
    CHECK(!pool_give(&p, &b, 0)); /* two carried: done */
    pool_remove(&p, &a);
    pool_deinit(&p);
}

TEST(turns_follow_the_weights)
{
    struct pick_item v[] = {{.weight = 3}, {.weight = 1}, {.weight = 6, .tier = 1}};
    unsigned n[3] = {0}, run = 0, longest = 0, last = 9;

    for (unsigned i = 0; i < 4000; i++) {
        unsigned k = pick_next(v, 3, 7);

        n[k]++;
        run = k == last ? run + 1 : 1;
        last = k;
        longest = run > longest ? run : longest;
    }
    CHECK_EQ(n[0], 3000);
    CHECK_EQ(n[1], 1000);
    CHECK_EQ(n[2], 0);    /* a higher tier waits until the lower one has nobody */
    CHECK_EQ(longest, 3); /* smooth: never a lump */
    CHECK_EQ(pick_next(v, 3, 4), 2);
    CHECK_EQ(pick_next(v, 3, 2), 1);
    CHECK_EQ(pick_next(v, 3, 0), PICK_NONE);
    CHECK_EQ(pick_next(v, 3, UINT64_C(1) << 40), PICK_NONE); /* bits past the end do not count */
}

TEST_MAIN()
