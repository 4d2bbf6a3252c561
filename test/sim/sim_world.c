#include "sim_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim_run.h"

enum { TIE_BITS = 20 };

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t next(struct world *w)
{
    uint64_t z = w->rng += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t sim_rnd(struct world *w, uint64_t n)
{
    return n ? next(w) % n : 0;
}

bool sim_chance(struct world *w, unsigned permille)
{
    return sim_rnd(w, 1000) < permille;
}

uint64_t sim_delay_us(struct world *w, uint64_t mean_us)
{
    uint64_t d = mean_us / 2 + sim_rnd(w, mean_us);

    return sim_chance(w, 50) ? d * 10 : d;
}

void sim_at(struct world *w, struct sim_event *e, uint64_t at_us)
{
    if (at_us < w->now_us)
        at_us = w->now_us;
    heap_set(&w->queue, &e->node, at_us << TIE_BITS | sim_rnd(w, 1u << TIE_BITS));
}

void sim_soon(struct world *w, struct sim_event *e, uint64_t in_us)
{
    sim_at(w, e, w->now_us + in_us);
}

void sim_cancel(struct world *w, struct sim_event *e)
{
    heap_remove(&w->queue, &e->node);
}

bool sim_step(struct world *w)
{
    struct heap_node *n = heap_first(&w->queue);
    struct sim_event *e;

    if (!n)
        return false;
    e = container_of(n, struct sim_event, node);
    w->now_us = n->key >> TIE_BITS;
    w->steps++;
    heap_remove(&w->queue, n);
    e->fire(e);
    return true;
}

void sim_fail(struct world *w, const char *fmt, ...)
{
    char why[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    sim_run_failed(w, why);
}

void sim_trace_(struct world *w, const char *fmt, ...)
{
    va_list ap;

    printf("# %10llu us  ", (unsigned long long)w->now_us);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}
