/* A timer of microseconds on a real loop. */
#include "base/list.h"
#include "io/alarm.h"
#include "io/loop.h"
#include "test.h"

struct world {
    struct loop *loop;
    struct alarm *alarm;
    unsigned fired;
    uint64_t at_us, again_us; /* when it fired last; set again for so much later, once */
};

static void on_turn(void *owner)
{
    (void)owner;
}

static void fire(void *owner)
{
    struct world *w = owner;

    w->fired++;
    w->at_us = loop_clock_us(w->loop);
    if (w->again_us)
        alarm_set(w->alarm, w->at_us + w->again_us);
    w->again_us = 0;
}

struct end {
    struct loop_timer timer;
    struct loop *loop;
};

static void on_end(struct loop_timer *t)
{
    loop_stop(container_of(t, struct end, timer)->loop);
}

/* Runs the loop for so long, then closes everything. */
static void run(struct world *w, uint64_t ms)
{
    struct end end = {.timer.fire = on_end, .loop = w->loop};

    if (ms) {
        loop_timer_set(w->loop, &end.timer, loop_now_ms(w->loop) + ms);
        loop_run(w->loop);
    }
    w->alarm = alarm_close(w->alarm);
    loop_finish(w->loop);
    loop_run(w->loop);
    loop_free(w->loop);
}

static void begin(struct world *w)
{
    static const struct loop_ops ops = {.on_turn = on_turn};

    *w = (struct world){0};
    CHECK_EQ(loop_new(&w->loop, &ops, w), 0);
    CHECK_EQ(alarm_new(&w->alarm, w->loop, fire, w), 0);
}

TEST(fires_once_and_not_early)
{
    struct world w;
    uint64_t due_us;

    begin(&w);
    due_us = loop_clock_us(w.loop) + 2300;
    alarm_set(w.alarm, due_us);
    run(&w, 20);
    CHECK_EQ(w.fired, 1);
    CHECK(w.at_us >= due_us);
}

TEST(fires_at_once_for_what_is_over)
{
    struct world w;

    begin(&w);
    alarm_set(w.alarm, 0);
    run(&w, 10);
    CHECK_EQ(w.fired, 1);
}

TEST(may_be_set_again_while_it_fires)
{
    struct world w;
    uint64_t due_us;

    begin(&w);
    w.again_us = 1500;
    due_us = loop_clock_us(w.loop) + 500 + 1500;
    alarm_set(w.alarm, due_us - 1500);
    run(&w, 20);
    CHECK_EQ(w.fired, 2);
    CHECK(w.at_us >= due_us);
}

TEST(moves_and_clears)
{
    struct world w;
    uint64_t now_us;

    begin(&w);
    now_us = loop_clock_us(w.loop);
    alarm_set(w.alarm, now_us + 1000);
    alarm_set(w.alarm, now_us + 5000);
    run(&w, 20);
    CHECK_EQ(w.fired, 1);
    CHECK(w.at_us >= now_us + 5000);
    begin(&w);
    alarm_set(w.alarm, loop_clock_us(w.loop) + 1000);
    alarm_set(w.alarm, UINT64_MAX);
    run(&w, 10);
    CHECK_EQ(w.fired, 0);
}

TEST(does_not_fire_once_closed)
{
    struct world w;

    begin(&w);
    alarm_set(w.alarm, 0);
    run(&w, 0);
    CHECK_EQ(w.fired, 0);
}

TEST_MAIN()
