#include "sim_clock.h"

#include <time.h>

#include "sim_main.h"
#include "sim_world.h"

enum { WALL_START_S = 1795000000 }; /* November 2026 */

static uint64_t stood_us(const struct sim_clock *c, uint64_t now_us)
{
    if (now_us <= c->from_us)
        return 0;
    return (now_us < c->until_us ? now_us : c->until_us) - c->from_us;
}

uint64_t clock_mono_us(const struct world *w)
{
    return w->now_us + w->clock.ahead_us - w->clock.behind_us - stood_us(&w->clock, w->now_us);
}

uint64_t clock_when_us(const struct world *w, uint64_t mono_us)
{
    const struct sim_clock *c = &w->clock;
    uint64_t now_us = clock_mono_us(w), when_us;

    if (mono_us <= now_us)
        return w->now_us;
    when_us = w->now_us + (mono_us - now_us);
    return w->now_us < c->until_us ? when_us + (c->until_us - w->now_us) : when_us;
}

void clock_leap(struct world *w, uint64_t us)
{
    w->clock.ahead_us += us;
}

void clock_stand(struct world *w, uint64_t us)
{
    struct sim_clock *c = &w->clock;

    if (w->now_us < c->until_us)
        return;
    c->behind_us += c->until_us - c->from_us;
    c->from_us = w->now_us;
    c->until_us = w->now_us + us;
}

/* The gateway's own reading of the wall clock: the linker puts these in place of the C library's (--wrap). */
int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
time_t __wrap_time(time_t *t);

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
    const struct world *w = sim_main_world();

    if (id != CLOCK_REALTIME || !w)
        return __real_clock_gettime(id, ts);
    ts->tv_sec = WALL_START_S + w->clock.wall_s + (time_t)(w->now_us / 1000000);
    ts->tv_nsec = (long)(w->now_us % 1000000 * 1000);
    return 0;
}

time_t __wrap_time(time_t *t)
{
    struct timespec ts;

    __wrap_clock_gettime(CLOCK_REALTIME, &ts);
    if (t)
        *t = ts.tv_sec;
    return ts.tv_sec;
}
