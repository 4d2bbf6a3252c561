/* What becomes of an attempt that failed. */
#include "../test.h"

#include "upstream/retry.h"

enum { UNSENT = 1, WRITE = 2, STALE = 4, NO_OTHER = 8, PARKED = 16 };

/* A read, unless the flags say otherwise, that has five seconds; another endpoint is there. */
static struct retry_ask ask(enum retry_cause cause, unsigned attempts, unsigned flags)
{
    return (struct retry_ask){
        .cause = cause,
        .attempts = attempts,
        .never_sent = flags & UNSENT,
        .may_repeat = !(flags & WRITE),
        .stale_link = flags & STALE,
        .other = !(flags & NO_OTHER),
        .same = !(flags & PARKED),
        .left_ms = 5000,
    };
}

static const struct retry_conf conf = {3, 50, 2000, {20, 0, 50, 10}};

TEST(decisions)
{
    static const struct {
        const char *name;
        enum retry_cause cause;
        unsigned attempts, flags;
        uint64_t wait_ms, left_ms, answer_ms; /* left_ms 0: five seconds */
        enum retry_what what;
        uint64_t delay_ms;
        unsigned cost;
    } rows[] = {
        /* clang-format off */
        {"another at once", RETRY_TRANSIENT, 1, 0, 0, 0, 0, RETRY_OTHER, 0, 1},
        {"and once more", RETRY_TRANSIENT, 2, 0, 0, 0, 0, RETRY_OTHER, 0, 1},
        {"not a third time", RETRY_TRANSIENT, 3, 0, 0, 0, 0, RETRY_STOP_ATTEMPTS, 0, 0},
        {"a revert is an answer", RETRY_FINAL, 1, 0, 0, 0, 0, RETRY_STOP_FINAL, 0, 0},
        {"missing here", RETRY_ELSEWHERE, 1, 0, 0, 0, 0, RETRY_OTHER, 0, 1},
        {"missing everywhere", RETRY_ELSEWHERE, 1, NO_OTHER, 0, 0, 0, RETRY_STOP_NOWHERE, 0, 0},
        {"the same one later", RETRY_TRANSIENT, 1, NO_OTHER, 0, 0, 0, RETRY_LATER, 25, 1},
        {"later still", RETRY_TRANSIENT, 2, NO_OTHER, 0, 0, 0, RETRY_LATER, 50, 1},
        {"when it wants", RETRY_TRANSIENT, 1, NO_OTHER, 1000, 0, 0, RETRY_LATER, 1025, 1},
        {"it wants too late", RETRY_TRANSIENT, 1, NO_OTHER, 5000, 0, 0, RETRY_STOP_DEADLINE, 0, 0},
        {"its wish is not the others'", RETRY_TRANSIENT, 1, 0, 5000, 0, 0, RETRY_OTHER, 0, 1},
        {"it is parked", RETRY_TRANSIENT, 1, NO_OTHER | PARKED, 0, 0, 0, RETRY_STOP_NOWHERE, 0, 0},
        {"a write that left", RETRY_TRANSIENT, 1, WRITE, 0, 0, 0, RETRY_STOP_ONCE, 0, 0},
        {"a write that did not", RETRY_TRANSIENT, 0, WRITE | UNSENT, 0, 0, 0, RETRY_OTHER, 0, 0},
        {"a write that waits to leave", RETRY_TRANSIENT, 0, WRITE | UNSENT | NO_OTHER, 0, 0, 0, RETRY_LATER, 25, 0},
        {"what did not leave is free", RETRY_TRANSIENT, 9, UNSENT, 0, 0, 0, RETRY_OTHER, 0, 0},
        {"nowhere to go", RETRY_TRANSIENT, 0, UNSENT | NO_OTHER | PARKED, 0, 0, 0, RETRY_STOP_NOWHERE, 0, 0},
        {"a dead idle connection", RETRY_TRANSIENT, 1, STALE, 0, 0, 0, RETRY_FRESH_LINK, 0, 0},
        {"a write on one", RETRY_TRANSIENT, 1, STALE | WRITE, 0, 0, 0, RETRY_STOP_ONCE, 0, 0},
        {"too little time", RETRY_TRANSIENT, 1, 0, 0, 30, 30, RETRY_STOP_DEADLINE, 0, 0},
        {"enough time", RETRY_TRANSIENT, 1, 0, 0, 31, 30, RETRY_OTHER, 0, 1},
        {"no time for the pause", RETRY_TRANSIENT, 1, NO_OTHER, 0, 25, 0, RETRY_STOP_DEADLINE, 0, 0},
        {"no time, not even unsent", RETRY_TRANSIENT, 0, UNSENT, 0, 1, 1, RETRY_STOP_DEADLINE, 0, 0},
        /* clang-format on */
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct retry_ask a = ask(rows[i].cause, rows[i].attempts, rows[i].flags);
        unsigned before = test_failures;
        struct retry_verdict v;
        struct budget b;

        a.wait_ms = rows[i].wait_ms;
        a.answer_ms = rows[i].answer_ms;
        if (rows[i].left_ms)
            a.left_ms = rows[i].left_ms;
        budget_init(&b, &conf.budget, 0);
        v = retry_decide(&b, &conf, &a, 0, UINT32_C(1) << 31);
        CHECK_EQ(v.what, rows[i].what);
        CHECK_EQ(v.delay_ms, rows[i].delay_ms);
        CHECK_EQ(10 - budget_left(&b), rows[i].cost);
        if (test_failures != before)
            printf("# %s\n", rows[i].name);
    }
}

TEST(full_jitter)
{
    static const uint64_t most[] = {50, 50, 100, 200, 400, 800, 1600, 2000, 2000};
    struct retry_conf c = RETRY_CONF_DEFAULT;

    c.max_attempts = 100;
    for (unsigned n = 0; n < sizeof most / sizeof most[0]; n++) {
        struct retry_ask a = ask(RETRY_TRANSIENT, n, NO_OTHER);
        uint64_t least_seen = UINT64_MAX, most_seen = 0;

        for (uint64_t r = 0; r <= UINT32_MAX; r += 1 << 20) {
            struct budget b;
            struct retry_verdict v;

            budget_init(&b, &c.budget, 0);
            v = retry_decide(&b, &c, &a, 0, (uint32_t)r);
            CHECK_EQ(v.what, RETRY_LATER);
            least_seen = v.delay_ms < least_seen ? v.delay_ms : least_seen;
            most_seen = v.delay_ms > most_seen ? v.delay_ms : most_seen;
        }
        CHECK_EQ(least_seen, 0);
        CHECK_EQ(most_seen, most[n]);
    }
}

/* Everything fails for a minute at 1,000 calls/s: a fifth more leaves, not three times as much. */
TEST(an_outage_is_not_tripled)
{
    struct budget b;
    unsigned sent = 0, calls = 0;

    budget_init(&b, &conf.budget, 0);
    for (uint64_t ms = 0; ms < 60000; ms++) {
        unsigned attempts = 0;
        struct retry_verdict v;

        budget_call(&b, &conf.budget, ms);
        calls++;
        do {
            struct retry_ask a = ask(RETRY_TRANSIENT, ++attempts, 0);

            sent++;
            v = retry_decide(&b, &conf, &a, ms, 0);
        } while (v.what == RETRY_OTHER);
        CHECK(attempts <= conf.max_attempts);
    }
    CHECK(sent - calls <= calls / 5 + 10);
    CHECK(sent - calls >= calls / 5);
}

TEST_MAIN()
