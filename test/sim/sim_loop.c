#include "sim_loop.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sim_clock.h"

enum { BUFFER_BYTES = 65536, TURN_US = 30, LATE_US = 1200 };

struct loop {
    struct world *w;
    struct loop_ops ops;
    void *owner;
    struct heap timers;
    struct sim_event turn, wake, timer;
    uint64_t now_ms, wake_ms;
    char buffer[BUFFER_BYTES];
};

static void on_turn(struct sim_event *e)
{
    struct loop *l = container_of(e, struct loop, turn);

    l->ops.on_turn(l->owner);
}

void sim_loop_touch(struct loop *l)
{
    if (heap_linked(&l->turn.node))
        return;
    l->now_ms = clock_mono_us(l->w) / 1000;
    sim_soon(l->w, &l->turn, sim_chance(l->w, 300) ? 0 : sim_rnd(l->w, TURN_US));
}

struct world *sim_loop_world(const struct loop *l)
{
    return l->w;
}

static void on_wake(struct sim_event *e)
{
    struct loop *l = container_of(e, struct loop, wake);

    l->wake_ms = UINT64_MAX;
    sim_loop_touch(l);
}

/* Timers fire late, never early. */
static uint64_t timer_us(struct loop *l, uint64_t at_ms)
{
    return clock_when_us(l->w, at_ms * 1000) + sim_rnd(l->w, LATE_US);
}

static void arm_timer(struct loop *l)
{
    struct heap_node *n = heap_first(&l->timers);

    if (n)
        sim_at(l->w, &l->timer, timer_us(l, n->key));
    else
        sim_cancel(l->w, &l->timer);
}

static void on_timer(struct sim_event *e)
{
    struct loop *l = container_of(e, struct loop, timer);
    struct heap_node *n = heap_first(&l->timers);

    if (n) {
        struct loop_timer *t = container_of(n, struct loop_timer, node);

        heap_remove(&l->timers, n);
        sim_loop_touch(l);
        t->fire(t);
    }
    arm_timer(l);
}

struct loop *sim_loop_new(struct world *w, const struct loop_ops *ops, void *owner)
{
    struct loop *l = mem_zero(sizeof *l);

    l->w = w;
    l->ops = *ops;
    l->owner = owner;
    l->wake_ms = UINT64_MAX;
    l->turn.fire = on_turn;
    l->wake.fire = on_wake;
    l->timer.fire = on_timer;
    heap_init(&l->timers);
    return l;
}

struct loop *loop_free(struct loop *l)
{
    sim_cancel(l->w, &l->turn);
    sim_cancel(l->w, &l->wake);
    sim_cancel(l->w, &l->timer);
    heap_deinit(&l->timers);
    free(l);
    return NULL;
}

uint64_t loop_now_ms(const struct loop *l)
{
    return l->now_ms;
}

uint64_t loop_clock_us(const struct loop *l)
{
    return clock_mono_us(l->w) + 1;
}

int64_t loop_wall_ms(const struct loop *l)
{
    return INT64_C(1800000000000) + (int64_t)(l->w->now_us / 1000);
}

void loop_wake_at(struct loop *l, uint64_t at_ms)
{
    if (at_ms == UINT64_MAX) {
        l->wake_ms = at_ms;
        sim_cancel(l->w, &l->wake);
    } else if (at_ms < l->wake_ms) {
        l->wake_ms = at_ms;
        sim_at(l->w, &l->wake, timer_us(l, at_ms));
    }
}

char *loop_buffer(struct loop *l, size_t *cap)
{
    *cap = BUFFER_BYTES;
    return l->buffer;
}

void sim_loop_rearm(struct loop *l)
{
    if (l->wake_ms != UINT64_MAX)
        sim_at(l->w, &l->wake, timer_us(l, l->wake_ms));
    arm_timer(l);
}

void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t at_ms)
{
    heap_set(&l->timers, &t->node, at_ms);
    arm_timer(l);
}

void loop_timer_clear(struct loop *l, struct loop_timer *t)
{
    heap_remove(&l->timers, &t->node);
    arm_timer(l);
}
