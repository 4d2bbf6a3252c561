/* What an endpoint has received beyond what it has processed; and who does not say is left alone. */
#include "../test.h"

#include "upstream/replay.h"

enum { MAX = REPLAY_BEHIND_MAX, START = 5000 };

TEST(behind)
{
    static const struct {
        uint64_t shreds, slot, behind;
        enum replay_news news;
    } rows[] = {
        {1000, 1000, 0, REPLAY_SAME},
        {1004, 1003, 1, REPLAY_SAME},
        {1100, 1200, 0, REPLAY_SAME}, /* it has processed more since */
        {1300, 1200, 100, REPLAY_SAME},
        {1301, 1200, 101, REPLAY_LATE},
        {1900, 1210, 690, REPLAY_SAME},
        {1950, 1850, 100, REPLAY_CAUGHT_UP},
        {UINT64_MAX, 1, UINT64_MAX - 1, REPLAY_LATE},
        {0, 1900, 0, REPLAY_CAUGHT_UP},
    };
    struct replay r;
    uint64_t now_ms = START, late_ms = 0;

    replay_init(&r, START);
    CHECK_EQ(r.at_ms, START);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        now_ms = r.at_ms;
        replay_asked(&r);
        CHECK_EQ(r.at_ms, UINT64_MAX);
        replay_shreds(&r, rows[i].shreds);
        CHECK_EQ(replay_slot(&r, rows[i].slot, MAX, now_ms), rows[i].news);
        CHECK_EQ(r.behind, rows[i].behind);
        CHECK_EQ(r.late, rows[i].behind > MAX);
        late_ms = !r.late ? 0 : late_ms ? late_ms : now_ms;
        CHECK_EQ(r.late_ms, late_ms);
        CHECK_EQ(r.at_ms, now_ms + (r.late ? REPLAY_LATE_MS : REPLAY_MS));
    }
}

/* One minute, two, four ... an hour; an answer starts that again. */
TEST(refused)
{
    static const unsigned minutes[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    struct replay r;
    uint64_t now_ms = START;

    replay_init(&r, START);
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
            now_ms = r.at_ms;
            replay_asked(&r);
            CHECK_EQ(replay_refused(&r, now_ms), REPLAY_SAME);
            CHECK_EQ(r.at_ms - now_ms, minutes[i] * UINT64_C(60000));
        }
        now_ms = r.at_ms;
        replay_shreds(&r, 10);
        CHECK_EQ(replay_slot(&r, 10, MAX, now_ms), REPLAY_SAME);
        CHECK_EQ(r.refusals, 0);
    }
}

/* What it said before says nothing any more once it refuses, or was silent for long. */
TEST(forgotten)
{
    for (unsigned refuses = 0; refuses < 2; refuses++) {
        struct replay r;
        uint64_t now_ms = START;

        replay_init(&r, START);
        replay_shreds(&r, 1000);
        CHECK_EQ(replay_slot(&r, 10, MAX, now_ms), REPLAY_LATE);
        if (refuses) {
            CHECK_EQ(replay_refused(&r, now_ms + 1000), REPLAY_CAUGHT_UP);
        } else {
            CHECK_EQ(replay_unheard(&r, now_ms + 1000), REPLAY_SAME);
            CHECK(r.late);
            CHECK_EQ(replay_unheard(&r, now_ms + REPLAY_FORGET_MS), REPLAY_CAUGHT_UP);
        }
        CHECK(!r.late);
        CHECK_EQ(r.late_ms, 0);
        CHECK_EQ(r.behind, 0);
        CHECK_EQ(r.told_ms, 0);
    }
}

/* Before anything was said, silence is no news. */
TEST(unheard)
{
    struct replay r;

    replay_init(&r, START);
    replay_asked(&r);
    CHECK_EQ(replay_unheard(&r, START), REPLAY_SAME);
    CHECK_EQ(r.at_ms, START + REPLAY_MS);
}

TEST_MAIN()
