/* What a flight tells to the calls that asked, and the header fields that say it. */
#include "../test.h"

#include "gateway/exchange.h"
#include "gateway/explain.h"
#include "gateway/upstream.h"

static struct gather g;

static struct slice written(const struct explain *e, bool exposed)
{
    gather_clear(&g);
    explain_write(e, exposed, &g);
    CHECK_EQ(g.n, 1); /* small enough for one piece */
    return g.v[0].s;
}

TEST(answered_by_the_gateway)
{
    struct explain e = {0};

    CHECK_STR(written(&e, false), "X-Millrace-Endpoint: \r\nX-Millrace-Flight: none\r\nX-Millrace-Cache: none\r\n"
                                  "X-Millrace-Batch: 0\r\nX-Millrace-Boarding-Us: 0\r\nX-Millrace-Attempts: 0\r\n"
                                  "X-Millrace-Upstream-Us: 0\r\nX-Millrace-Hedge: none\r\n");
}

TEST(every_field)
{
    struct explain e = {"node", EXPLAIN_JOINED, "finalized", 50, 3, 1200, 18446744073709551615u, HEDGED_WON};

    CHECK_STR(
        written(&e, true),
        "X-Millrace-Endpoint: node\r\nX-Millrace-Flight: joined\r\nX-Millrace-Cache: finalized\r\n"
        "X-Millrace-Batch: 50\r\nX-Millrace-Boarding-Us: 1200\r\nX-Millrace-Attempts: 3\r\n"
        "X-Millrace-Upstream-Us: 18446744073709551615\r\nX-Millrace-Hedge: won\r\n"
        "Access-Control-Expose-Headers: x-millrace-endpoint, x-millrace-flight, x-millrace-cache, "
        "x-millrace-batch, x-millrace-boarding-us, x-millrace-attempts, x-millrace-upstream-us, x-millrace-hedge\r\n");
}

struct row {
    bool queued; /* at an endpoint */
    unsigned sends, riders;
    uint64_t queued_us, sent_us, now_us, boarding_us, upstream_us;
};

TEST(what_a_flight_tells)
{
    static const struct row rows[] = {
        {false, 0, 0, 99, 99, 900, 0, 0},       /* never queued: those times are nobody's */
        {true, 0, 0, 100, 0, 900, 800, 0},      /* not sent */
        {true, 1, 1, 100, 100, 900, 0, 800},    /* departed at once */
        {true, 1, 25, 100, 300, 900, 200, 600}, /* boarded */
        {true, 2, 3, 500, 700, 900, 200, 200},  /* the second try */
        {true, 1, 3, 500, 200, 900, 400, 0},    /* failed, and waits again */
        {true, 255, 1, 500, 500, 500, 0, 0},
    };
    struct endpoint_conf conf = {.name = "node"};
    struct upstream u = {.endpoint.conf = &conf};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        struct explain one = {.flight = EXPLAIN_JOINED}, two = {.flight = EXPLAIN_LED};
        struct exchange x[3] = {{.explain = &one}, {.explain = NULL}, {.explain = &two}};
        struct flight f = {.upstream = r->queued ? &u : NULL,
                           .sends = (uint8_t)r->sends,
                           .riders = r->riders,
                           .queued_us = r->queued_us,
                           .sent_us = r->sent_us};
        unsigned before = test_failures;

        list_init(&f.calls);
        for (int k = 0; k < 3; k++) {
            x[k].envelope.one.envelope = &x[k].envelope;
            flight_join(&f, &x[k].envelope.one);
        }
        explain_note(&f, f.upstream, r->now_us);
        CHECK_EQ(one.endpoint == (r->queued ? conf.name : NULL), true);
        CHECK_EQ(one.calls, r->riders);
        CHECK_EQ(one.attempts, r->sends);
        CHECK_EQ(one.boarding_us, r->boarding_us);
        CHECK_EQ(one.upstream_us, r->upstream_us);
        CHECK_EQ(one.flight, EXPLAIN_JOINED);
        CHECK_EQ(two.flight, EXPLAIN_LED);
        CHECK_EQ(two.upstream_us, r->upstream_us);
        if (test_failures != before)
            printf("# row %zu\n", i);
    }
}

TEST_MAIN()
