/* loop_priv.h - what the modules of io/ share of a loop: its parts, tasks that must not run
 * inside the call that causes them, and the mark that something happened.  Not for use outside io/. */
#ifndef MILLRACE_IO_LOOP_PRIV_H
#define MILLRACE_IO_LOOP_PRIV_H

#include <stdbool.h>
#include <uv.h>

#include "base/heap.h"
#include "base/list.h"
#include "io/loop.h"

/* Both buffers begin with a page: where they began a few bytes later, reading and writing 16 KiB took 3 us longer. */
enum { LOOP_BUFFER_BYTES = 65536 };

struct alarm;

enum loop_state { LOOP_LIVE, LOOP_FINISHED };

struct loop {
    uv_loop_t uv;
    uv_timer_t timer; /* of what is due already */
    struct alarm *alarm;
    uv_prepare_t prepare;
    uv_check_t check;
    struct loop_ops ops;
    void *owner;
    struct heap timers; /* of struct loop_timer */
    struct list tasks;  /* of struct loop_task */
    uint64_t wake_ms;   /* what the owner asked for */
    uint64_t armed_ms;  /* when one of the two fires; at or before everything that waits */
    bool turn_due;      /* the owner was called since the last on_turn */
    enum loop_state state;
    char *buffer;
    char *cipher_buffer; /* only a loop that has TLS streams pays for it */
};

/* By value in its owner; loop_task_init before first use.  Runs once, soon, never from inside loop_task_push. */
struct loop_task {
    struct list node;
    void (*run)(struct loop_task *t);
};

void loop_task_init(struct loop_task *t, void (*run)(struct loop_task *t));
void loop_task_push(struct loop *l, struct loop_task *t); /* fine when already pushed */
void loop_task_clear(struct loop_task *t);                /* fine when not pushed */

/* Where ciphertext is read to, while loop_buffer holds the plaintext. */
char *loop_cipher_buffer(struct loop *l, size_t *cap);

/* Before each call into an owner: what it leaves behind must not wait in a poll for on_turn. */
static inline void loop_touch(struct loop *l)
{
    l->turn_due = true;
}

#endif
