/* How waiting calls spread over links, when a link is worth dialling, and what fits into a body. */
#include "test.h"

#include "base/buf.h"
#include "upstream/batcher.h"

#define AUTO                                                                                                           \
    {                                                                                                                  \
        BATCH_AUTO, 50, 50000, 0                                                                                       \
    }
#define ALWAYS                                                                                                         \
    {                                                                                                                  \
        BATCH_ALWAYS, 50, 50000, 0                                                                                     \
    }
#define OFF                                                                                                            \
    {                                                                                                                  \
        BATCH_OFF, 50, 50000, 0                                                                                        \
    }

TEST(shares)
{
    static const struct {
        struct batch_conf conf;
        unsigned light, heavy, idle, max_calls, share;
    } rows[] = {
        {AUTO, 0, 0, 8, 50, 0},
        {AUTO, 5, 0, 0, 50, 0},
        {AUTO, 1, 0, 1, 50, 1},
        {AUTO, 8, 0, 8, 50, 1},
        {AUTO, 9, 0, 8, 50, 2},
        {AUTO, 16, 0, 8, 50, 2},
        {AUTO, 17, 0, 8, 50, 3},
        {AUTO, 1000, 0, 8, 50, 50},
        {AUTO, 1000, 0, 8, 200, 125},
        {AUTO, 40, 0, 1, 50, 40},
        {AUTO, 40, 0, 1, 7, 7},
        {AUTO, 40, 0, 1, 1, 1},
        {AUTO, 12, 2, 8, 50, 2},
        {AUTO, 12, 8, 8, 50, 12},
        {AUTO, 12, 50, 8, 50, 12},
        {AUTO, 0, 5, 8, 50, 0},
        {AUTO, 4000000000u, 0, 3, 50, 50},
        {ALWAYS, 5, 0, 8, 50, 5},
        {ALWAYS, 60, 0, 8, 50, 50},
        {ALWAYS, 60, 0, 8, 1, 1},
        {ALWAYS, 60, 0, 0, 50, 0},
        {OFF, 60, 0, 8, 50, 1},
        {OFF, 60, 0, 0, 50, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct batch_load l = {.light = rows[i].light, .heavy = rows[i].heavy, .idle = rows[i].idle};

        CHECK_EQ(batcher_share(&rows[i].conf, &l, rows[i].max_calls), rows[i].share);
    }
}

/* The longer the loop has been at work, the fewer requests it makes of the same calls. */
TEST(shares_of_a_busy_loop)
{
    static const struct {
        struct batch_conf conf;
        unsigned light, idle, max_calls;
        uint64_t turn_us;
        unsigned share;
    } rows[] = {
        {AUTO, 8, 8, 50, BATCHER_TURN_US - 1, 1},
        {AUTO, 8, 8, 50, 2 * BATCHER_TURN_US - 1, 1},
        {AUTO, 8, 8, 50, 2 * BATCHER_TURN_US, 2},
        {AUTO, 8, 8, 50, 5 * BATCHER_TURN_US, 5},
        {AUTO, 8, 8, 50, 90 * BATCHER_TURN_US, 8},
        {AUTO, 80, 8, 7, 90 * BATCHER_TURN_US, 7},
        {AUTO, 80, 8, 50, 5 * BATCHER_TURN_US, 10},
        {AUTO, 80, 8, 1, 90 * BATCHER_TURN_US, 1},
        {OFF, 8, 8, 50, 90 * BATCHER_TURN_US, 1},
        {ALWAYS, 8, 8, 50, 90 * BATCHER_TURN_US, 8},
        {AUTO, 1, 8, 50, UINT64_MAX, 1},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct batch_load l = {.light = rows[i].light, .idle = rows[i].idle, .turn_us = rows[i].turn_us};

        CHECK_EQ(batcher_share(&rows[i].conf, &l, rows[i].max_calls), rows[i].share);
    }
}

/* Whatever the numbers: as many depart as can, evenly. */
TEST(shared_out_evenly)
{
    static const struct batch_conf conf = AUTO;

    for (unsigned links = 1; links <= 9; links++)
        for (unsigned calls = 1; calls <= 120; calls++) {
            struct batch_load l = {.light = calls, .idle = links};
            unsigned most = 0, least = UINT32_MAX, used = 0, n;

            while ((n = batcher_share(&conf, &l, 50))) {
                most = n > most ? n : most;
                least = n < least ? n : least;
                l.light -= n;
                l.idle--;
                used++;
            }
            CHECK_EQ(l.light, calls > links * 50 ? calls - links * 50 : 0);
            CHECK_EQ(used, calls < links ? calls : links);
            CHECK(most - least <= 1);
        }
}

TEST(links_wanted)
{
    static const uint64_t never = UINT64_MAX;
    static const struct {
        struct batch_conf conf;
        struct batch_load load;
        unsigned max_calls, wanted;
        uint64_t again_us;
    } rows[] = {
        /* as without batches */
        {OFF, {.light = 9, .heavy = 1, .busy = 4}, 50, 10, never},
        {AUTO, {.light = 9, .heavy = 1, .busy = 4}, 1, 10, never},
        {AUTO, {.heavy = 3, .busy = 4}, 50, 3, never},
        {AUTO, {.busy = 4}, 50, 0, never},
        /* no link at all: as many as the batches need */
        {AUTO, {.light = 1}, 50, 1, never},
        {AUTO, {.light = 50}, 50, 1, never},
        {AUTO, {.light = 51, .heavy = 2}, 50, 4, never},
        /* open ones are sooner, for as long as a dial takes */
        {AUTO, {.light = 9, .busy = 4}, 50, 0, BATCHER_DIAL_US},
        {AUTO, {.light = 9, .busy = 4, .waited_us = 300, .dial_us = 400}, 50, 0, 100},
        {AUTO, {.light = 9, .busy = 4, .waited_us = 400, .dial_us = 400}, 50, 4, never},
        {AUTO, {.light = 3, .busy = 4, .waited_us = 400, .dial_us = 400}, 50, 3, never},
        /* what waits for the loop itself is not helped by a new connection */
        {AUTO, {.light = 9, .busy = 4, .waited_us = 400, .dial_us = 400, .turn_us = 500}, 50, 0, 1000},
        {AUTO, {.light = 9, .busy = 4, .waited_us = 1400, .dial_us = 400, .turn_us = 500}, 50, 4, never},
        {AUTO, {.light = 9, .busy = 4, .dialling = 2, .waited_us = 400, .dial_us = 400}, 50, 0, never},
        {AUTO, {.light = 9, .heavy = 2, .busy = 4, .dialling = 2, .waited_us = 400, .dial_us = 400}, 50, 6, never},
        /* more than their next round holds */
        {AUTO, {.light = 200, .busy = 4}, 50, 0, BATCHER_DIAL_US},
        {AUTO, {.light = 201, .busy = 4}, 50, 1, BATCHER_DIAL_US},
        {AUTO, {.light = 1000, .busy = 4}, 50, 16, BATCHER_DIAL_US},
        {ALWAYS, {.light = 1000, .busy = 4}, 50, 16, BATCHER_DIAL_US},
        /* links with heavy calls on them are not waited for */
        {AUTO, {.light = 9, .busy = 4, .busy_heavy = 4}, 50, 1, never},
        {AUTO, {.light = 60, .busy = 4, .busy_heavy = 3}, 50, 1, BATCHER_DIAL_US},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t again_us = 7;
        unsigned before = test_failures;

        CHECK_EQ(batcher_links_wanted(&rows[i].conf, &rows[i].load, rows[i].max_calls, &again_us), rows[i].wanted);
        CHECK_EQ(again_us, rows[i].again_us);
        if (test_failures != before)
            printf("# row %zu\n", i);
    }
}

TEST(window)
{
    static const struct {
        struct batch_conf conf;
        unsigned light, max_calls;
        uint64_t waited_us, hold_us;
    } rows[] = {
        {AUTO, 1, 50, 0, 0},
        {{BATCH_AUTO, 50, 50000, 3000}, 1, 50, 0, 3000},
        {{BATCH_AUTO, 50, 50000, 3000}, 49, 50, 2999, 1},
        {{BATCH_AUTO, 50, 50000, 3000}, 49, 50, 3000, 0},
        {{BATCH_AUTO, 50, 50000, 3000}, 49, 50, 9000, 0},
        {{BATCH_AUTO, 50, 50000, 3000}, 50, 50, 0, 0},
        {{BATCH_AUTO, 50, 50000, 3000}, 7, 7, 0, 0},
        {{BATCH_AUTO, 50, 50000, 3000}, 1, 1, 0, 0},
        {{BATCH_OFF, 50, 50000, 3000}, 1, 50, 0, 0},
        {{BATCH_ALWAYS, 50, 50000, 3000}, 1, 50, 1000, 2000},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK_EQ(batcher_hold_us(&rows[i].conf, rows[i].light, rows[i].max_calls, rows[i].waited_us), rows[i].hold_us);
}

/* The body that the members make, built: its length is what the room says. */
static size_t body_bytes(const char *const *members, unsigned n)
{
    struct buf b;
    size_t bytes;

    buf_init(&b, 4096);
    for (unsigned i = 0; i < n; i++)
        buf_printf(&b, "%s%s", n < 2 ? "" : i ? "," : "[", members[i]);
    buf_str(&b, n > 1 ? "]" : "");
    bytes = b.n;
    buf_deinit(&b);
    return bytes;
}

TEST(room_is_exact_to_the_byte)
{
    static const char *const members[] = {"{\"id\":1}", "{\"id\":22}", "{\"id\":333}", "{}", "{\"a\":[1,2,3]}"};
    enum { N = sizeof members / sizeof members[0] };

    for (unsigned want = 2; want <= N; want++)
        for (int off = -1; off <= 1; off++) {
            size_t exact = body_bytes(members, want), max = (size_t)((long)exact + off);
            struct batch_room r = {.max_calls = 50, .max_bytes = max};
            unsigned n = 0;

            while (n < want && batch_room_take(&r, strlen(members[n])))
                n++;
            CHECK_EQ(n, off < 0 ? want - 1 : want);
            CHECK_EQ(r.calls, n);
            CHECK_EQ(batch_room_bytes(&r), body_bytes(members, n));
            CHECK(n == 1 || batch_room_bytes(&r) <= max);
        }
}

TEST(room_for_one_there_always_is)
{
    struct batch_room r = {.max_calls = 3, .max_bytes = 10};

    CHECK(batch_room_take(&r, 5000));
    CHECK_EQ(batch_room_bytes(&r), 5000);
    CHECK(!batch_room_take(&r, 1));
    CHECK_EQ(batch_room_bytes(&r), 5000);
    r = (struct batch_room){.max_calls = 3, .max_bytes = 1000};
    CHECK(batch_room_take(&r, 1) && batch_room_take(&r, 1) && batch_room_take(&r, 1));
    CHECK(!batch_room_take(&r, 1));
    CHECK_EQ(batch_room_bytes(&r), 7);
    r = (struct batch_room){.max_calls = 0, .max_bytes = 0};
    CHECK(batch_room_take(&r, 1) && !batch_room_take(&r, 1));
}

TEST_MAIN()
