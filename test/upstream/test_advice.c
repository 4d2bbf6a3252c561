/* Each rule: the numbers at which it speaks, and next to them, at which it is silent; its figures. */
#include "test.h"

#include "upstream/advice.h"

/* A healthy, busy endpoint, about which there is nothing to say. */
#define HEALTHY                                                                                                        \
    .up_ms = 7200000, .unix_s = 1795269600, .busy = 20, .sockets_max = 50, .inflight = 20, .waits = 100000,            \
    .wait_p90_us = 50, .answer_p50_us = 8000, .requests = 100000, .reused = 99900, .calls = 100000, .throttled = 100,  \
    .rate_sent = 10, .rate_max = 25, .behind = 1, .behind_max = 2, .quota_used = 1000, .quota_max = 100000,            \
    .quota_since_s = 3600, .quota_left_s = 82800, .quota_what = "requests", .batch_calls = 50, .batch_configured = 50

struct row {
    const char *name; /* NULL: nothing */
    const char *seen; /* a part of it */
    struct advice_facts f;
};

#define WITH(...)                                                                                                      \
    {                                                                                                                  \
        HEALTHY, __VA_ARGS__                                                                                           \
    }

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#endif

static const struct row rows[] = {
    {NULL, NULL, {HEALTHY}},
    {NULL, NULL, {0}},
    {"no_credential", "there is no token: the command cannot be run", WITH(.no_key = "the command cannot be run")},
    {"credential_refused", "401 or 403, and gets no calls for 42 s", WITH(.refused = true, .refused_ms = 41500)},
    {"wrong_chain", "chain_id 1 is expected, it says 5; it gets no calls",
     WITH(.foreign = "chain_id 1 is expected, it says 5")},

    {"unstable", "given up 8 times in 2 h", WITH(.opened = 8)},
    {NULL, NULL, WITH(.opened = 7)},
    {"unstable", "given up 3 times in 10 min", WITH(.opened = 3, .up_ms = 600000)},
    {NULL, NULL, WITH(.opened = 2, .up_ms = 600000)},

    {"raise_max_sockets", "51 calls wait now, 50 of 50 sockets are busy", WITH(.busy = 50, .waiting = 51)},
    {NULL, NULL, WITH(.busy = 50, .waiting = 50)},
    {NULL, NULL, WITH(.busy = 49, .waiting = 60)}, /* others are being dialled */
    {"raise_max_sockets", "one call in ten waited 4.0 ms and longer", WITH(.wait_p90_us = 4000, .open = 50)},
    {NULL, NULL, WITH(.wait_p90_us = 3999, .open = 50)},
    {NULL, NULL, WITH(.wait_p90_us = 4000, .open = 49)},
    {NULL, NULL, WITH(.open = 50, .wait_p90_us = 5000, .window_us = 4500)},
    {"near_rate_limit", "25 a second",
     WITH(.open = 50, .wait_p90_us = 9000, .rate_sent = 25)}, /* it is tokens that they wait for */
    {"check_keep_alive", "only 0 %", WITH(.open = 50, .wait_p90_us = 9000, .reused = 0)}, /* and here connections */
    {NULL, NULL, WITH(.open = 50, .wait_p90_us = 999, .answer_p50_us = 100)},
    {NULL, NULL, WITH(.open = 50, .wait_p90_us = 9000, .waits = 99)},
    {"raise_max_inflight", "30 calls wait while 20 of 20 are under way",
     WITH(.inflight_max = 20, .waiting = 30, .wait_p90_us = 9000)},
    {NULL, NULL, WITH(.inflight_max = 21, .waiting = 30)},
    {NULL, NULL, WITH(.inflight_max = 20, .waiting = 19)},

    {"check_keep_alive", "only 79 % of 200 requests", WITH(.requests = 200, .reused = 159)},
    {NULL, NULL, WITH(.requests = 200, .reused = 160)},
    {NULL, NULL, WITH(.requests = 199, .reused = 0)},
    {"raise_requests_per_socket", "only 50 % of 1000 requests went over a used connection: each carries 2 at most",
     WITH(.requests = 1000, .reused = 500, .per_socket_max = 2)},
    {"check_keep_alive", "only 50 % of 1000 requests", WITH(.requests = 1000, .reused = 500, .per_socket_max = 1000)},

    {"throttled", "1000 of 100000 calls", WITH(.throttled = 1000)},
    {NULL, NULL, WITH(.throttled = 999)},
    {NULL, NULL, WITH(.throttled = 50, .calls = 99)},
    {"near_rate_limit", "23 a second of the 25", WITH(.rate_sent = 23)},
    {NULL, NULL, WITH(.rate_sent = 22)},
    {NULL, NULL, WITH(.rate_sent = 1000, .rate_max = 0)},

    {"always_behind", "more than 2 blocks behind for 5 min, now 7", WITH(.behind = 7, .behind_ms = 300000)},
    {NULL, NULL, WITH(.behind = 7, .behind_ms = 59999)},
    {NULL, NULL, WITH(.behind = 2, .behind_ms = 300000)},
    {"always_behind", "replayed more than 100 slots behind what it receives for 3 min, now 150",
     WITH(.unreplayed = 150, .unreplayed_max = 100, .unreplayed_ms = 180000)},
    {NULL, NULL, WITH(.unreplayed = 150, .unreplayed_max = 100, .unreplayed_ms = 59999)},
    {NULL, NULL, WITH(.unreplayed = 100, .unreplayed_max = 100, .unreplayed_ms = 180000)},

    /* 2026-11-21 14:00 UTC; 50,000 in six hours: six more. */
    {"quota_ends",
     "50000 of the day's 100000 requests are used up; at this pace the rest is on 2026-11-21 20:00 UTC, before "
     "the reset at 2026-11-22 08:00 UTC",
     WITH(.quota_used = 50000, .quota_since_s = 21600, .quota_left_s = 64800)},
    {NULL, NULL, WITH(.quota_used = 25000, .quota_since_s = 21600, .quota_left_s = 64800)},
    {"quota_ends", "on 2026-11-22 07:59 UTC", WITH(.quota_used = 25001, .quota_since_s = 21600, .quota_left_s = 64800)},
    {NULL, NULL, WITH(.quota_used = 50000, .quota_since_s = 599, .quota_left_s = 85801)},
    {"quota_ends", "all 100000 units of the day are used up until 2026-11-21 15:00 UTC",
     WITH(.quota_used = 100000, .quota_since_s = 60, .quota_left_s = 3600, .quota_what = "units")},
    {"quota_ends", "it says that its quota is used up; it gets no calls until 2026-11-22 13:00 UTC",
     WITH(.quota_spent = true, .quota_max = 0)},
    {NULL, NULL, WITH(.quota_used = 50000, .quota_max = 0, .quota_since_s = 21600, .quota_left_s = 64800)},

    {"no_batches", "it refused 3 batches; calls go alone now", WITH(.batches_refused = 3, .batch_calls = 1)},
    {"smaller_batches", "it refused 4 of up to 50 calls; now 25 at most share a request",
     WITH(.batches_refused = 4, .batch_calls = 25)},
    {"no_batches", "it refused 1 batch; calls", WITH(.batches_refused = 1, .batch_calls = 1)},
    {NULL, NULL, WITH(.batch_calls = 1)},
    {NULL, NULL, WITH(.batches_refused = 9)}, /* and takes them again */
};

#pragma GCC diagnostic pop

TEST(each_rule)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct advice out[ADVICE_MAX];
        unsigned n = advice_endpoint(&rows[i].f, out);

        CHECK_EQ(n, rows[i].name != NULL);
        if (n && rows[i].name) {
            CHECK_STR(slice_str(out[0].name), rows[i].name);
            if (!strstr(out[0].seen, rows[i].seen))
                CHECK_STR(slice_str(out[0].seen), rows[i].seen);
            CHECK(*out[0].todo);
        }
    }
}

TEST(several_at_once)
{
    struct advice_facts f = {.refused = true,
                             .refused_ms = UINT64_MAX / 2,
                             .up_ms = 1000,
                             .opened = UINT64_MAX,
                             .no_key = "x",
                             .foreign = "y",
                             .waiting = 9,
                             .busy = 1,
                             .sockets_max = 1,
                             .requests = UINT64_MAX,
                             .calls = 100,
                             .throttled = 100,
                             .rate_sent = UINT64_MAX,
                             .rate_max = 1,
                             .behind = UINT64_MAX,
                             .behind_ms = UINT64_MAX,
                             .quota_used = UINT64_MAX,
                             .quota_max = 1,
                             .quota_what = "requests",
                             .batches_refused = 9,
                             .batch_calls = 1,
                             .batch_configured = 2};
    struct advice out[ADVICE_MAX];
    unsigned n = advice_endpoint(&f, out);

    CHECK_EQ(n, 11);
    CHECK_STR(slice_str(out[0].name), "no_credential");
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = 0; k < i; k++)
            CHECK(strcmp(out[i].name, out[k].name) != 0);
}

TEST(of_the_gateway)
{
    static const struct {
        const char *name, *seen;
        struct advice_common c;
    } table[] = {
        {NULL, NULL, {0}},
        {"raise_max_upstream_sockets", "900 of 1000 sockets", {.sockets = 900, .sockets_max = 1000}},
        {NULL, NULL, {.sockets = 899, .sockets_max = 1000}},
        {"raise_max_clients", "9 of 10 client connections", {.clients = 9, .clients_max = 10}},
        {NULL, NULL, {.clients = 8, .clients_max = 10}},
        {"retries_over_budget", "20 of 100 further attempts", {.retries = 80, .retries_over_budget = 20}},
        {NULL, NULL, {.retries = 81, .retries_over_budget = 19}},
        {NULL, NULL, {.retries = 0, .retries_over_budget = 99}},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct advice out[ADVICE_MAX];
        unsigned n = advice_gateway(&table[i].c, out);

        CHECK_EQ(n, table[i].name != NULL);
        if (n && table[i].name) {
            CHECK_STR(slice_str(out[0].name), table[i].name);
            CHECK(strstr(out[0].seen, table[i].seen) != NULL);
        }
    }
}

TEST_MAIN()
