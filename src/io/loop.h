/* loop.h - one event loop: its clock, its one timer and its end-of-turn hook.  The only wrapper of uv_loop_t.
 * The gateway's code sees time and streams through io/ headers alone, so that a simulator can stand in at link time. */
#ifndef MILLRACE_IO_LOOP_H
#define MILLRACE_IO_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"

struct loop;

struct loop_ops {
    /* After the I/O events of a turn, and after the timer: decide and do what the events made due. */
    void (*on_turn)(void *owner);
};

int loop_new(struct loop **out, const struct loop_ops *ops, void *owner); /* 0 or <0 */
struct loop *loop_free(struct loop *l);                                   /* all handles must be closed */

int loop_run(struct loop *l);   /* until nothing is left or loop_stop */
void loop_stop(struct loop *l); /* loop_run returns at the end of this turn */
/* The owner wants no more turns, and loop_run ends when the last handle is closed that is not the loop's own. */
void loop_finish(struct loop *l);

uint64_t loop_now_ms(const struct loop *l);   /* monotonic; cached for the turn */
uint64_t loop_clock_us(const struct loop *l); /* monotonic, read now */
int64_t loop_wall_ms(const struct loop *l);   /* since 1970, UTC, read now */

/* on_turn will be called at at_ms at the latest.  One timer for everything: an earlier time replaces a later one,
 * UINT64_MAX clears. */
void loop_wake_at(struct loop *l, uint64_t at_ms);

/* The read buffer that all streams of the loop share: good only inside on_read. */
char *loop_buffer(struct loop *l, size_t *cap);

/* A timer of someone who is not the loop's owner.  By value; zeroed before first use.  Setting it again moves it; it
 * fires once, from the loop. */
struct loop_timer {
    struct heap_node node;
    void (*fire)(struct loop_timer *t);
};

void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t at_ms);
void loop_timer_clear(struct loop *l, struct loop_timer *t); /* fine when not set */

/* For io/ only: the uv_loop_t behind it. */
void *loop_uv(struct loop *l);

#endif
