#include "io/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "io/alarm.h"
#include "io/loop_priv.h"

enum { US_PER_MS = 1000 };

static void on_timer(uv_timer_t *timer);

/* An armed timer that is too early costs one empty turn; moving it each time the earliest deadline changes would cost a
 * system call on every call.  So it only ever moves towards now.  It is a descriptor, not the time-out of the poll:
 * that one the kernel sets and takes back again with each poll, and where it comes before the kernel's own next tick,
 * as with deadlines of a few ms, the processor's timer is programmed anew both times. */
static void loop_arm(struct loop *l, uint64_t at_ms)
{
    if (at_ms >= l->armed_ms)
        return;
    l->armed_ms = at_ms;
    if (at_ms > uv_now(&l->uv))
        alarm_set(l->alarm, at_ms < UINT64_MAX / US_PER_MS ? at_ms * US_PER_MS : UINT64_MAX);
    else
        uv_timer_start(&l->timer, on_timer, 0, 0);
}

static void fire_timers(void *owner)
{
    struct loop *l = owner;
    uint64_t now_ms = uv_now(&l->uv);
    struct heap_node *first;

    l->armed_ms = UINT64_MAX;
    /* One round over those that wait now: a timer that sets itself to the past must not hold the loop. */
    for (size_t left = l->timers.n; left > 0; left--) {
        struct loop_timer *t;

        first = heap_first(&l->timers);
        if (!first || first->key > now_ms)
            break;
        t = container_of(first, struct loop_timer, node);
        heap_remove(&l->timers, first);
        loop_touch(l);
        t->fire(t);
    }
    if (l->wake_ms <= now_ms) {
        l->wake_ms = UINT64_MAX;
        loop_touch(l);
    }
    first = heap_first(&l->timers);
    loop_arm(l, first && first->key < l->wake_ms ? first->key : l->wake_ms);
}

static void on_timer(uv_timer_t *timer)
{
    fire_timers(timer->data);
}

static void loop_turn(struct loop *l)
{
    l->turn_due = false;
    if (l->state == LOOP_LIVE)
        l->ops.on_turn(l->owner);
}

static void loop_run_tasks(struct loop *l)
{
    struct list now, *node;

    list_init(&now);
    list_splice(&now, &l->tasks);
    while ((node = list_pop(&now)) != NULL) {
        struct loop_task *t = container_of(node, struct loop_task, node);

        loop_touch(l);
        t->run(t);
    }
}

/* Before the poll: for timers, and for errors that libuv reports from its pending queue. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct loop *l = prepare->data;

    loop_run_tasks(l);
    if (l->turn_due)
        loop_turn(l);
    if (!list_empty(&l->tasks))
        loop_arm(l, uv_now(&l->uv)); /* the poll must not sleep on them */
}

static void on_check(uv_check_t *check)
{
    struct loop *l = check->data;

    loop_run_tasks(l);
    loop_turn(l);
}

int loop_new(struct loop **out, const struct loop_ops *ops, void *owner)
{
    struct loop *l = mem_zero(sizeof *l);
    int r = uv_loop_init(&l->uv);

    if (r) {
        free(l);
        return r;
    }
    /* A peer that has gone is an error code of a write, never the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    l->ops = *ops;
    l->owner = owner;
    l->wake_ms = l->armed_ms = UINT64_MAX;
    l->turn_due = true; /* what the owner prepared before loop_run */
    heap_init(&l->timers);
    list_init(&l->tasks);
    l->buffer = mem_pages(LOOP_BUFFER_BYTES);
    uv_timer_init(&l->uv, &l->timer);
    uv_prepare_init(&l->uv, &l->prepare);
    uv_check_init(&l->uv, &l->check);
    l->timer.data = l->prepare.data = l->check.data = l;
    r = alarm_new(&l->alarm, l, fire_timers, l);
    if (r) {
        loop_free(l);
        return r;
    }
    uv_prepare_start(&l->prepare, on_prepare);
    uv_check_start(&l->check, on_check);
    *out = l;
    return 0;
}

struct loop *loop_free(struct loop *l)
{
    if (!l)
        return NULL;
    l->state = LOOP_FINISHED;
    l->alarm = alarm_close(l->alarm);
    uv_close((uv_handle_t *)&l->timer, NULL);
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->check, NULL);
    uv_run(&l->uv, UV_RUN_NOWAIT);
    /* A name lookup cannot be called back from the thread pool and will still report to this memory: then it stays. */
    if (uv_loop_close(&l->uv) == UV_EBUSY)
        return NULL;
    heap_deinit(&l->timers);
    free(l->buffer);
    free(l->cipher_buffer);
    free(l);
    return NULL;
}

int loop_run(struct loop *l)
{
    int r = uv_run(&l->uv, UV_RUN_DEFAULT);

    return r < 0 ? r : 0;
}

void loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

void loop_finish(struct loop *l)
{
    /* Unreferenced, not closed: streams that still linger need the timer. */
    l->state = LOOP_FINISHED;
    uv_unref((uv_handle_t *)&l->timer);
    alarm_unref(l->alarm);
    uv_unref((uv_handle_t *)&l->prepare);
    uv_unref((uv_handle_t *)&l->check);
}

uint64_t loop_now_ms(const struct loop *l)
{
    return l->uv.time; /* what uv_now() says, without the call: it is asked for many times a turn */
}

uint64_t loop_clock_us(const struct loop *l)
{
    struct timespec ts;

    (void)l;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int64_t loop_wall_ms(const struct loop *l)
{
    struct timespec ts;

    (void)l;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void loop_wake_at(struct loop *l, uint64_t at_ms)
{
    if (at_ms == UINT64_MAX || at_ms < l->wake_ms)
        l->wake_ms = at_ms;
    loop_arm(l, at_ms);
}

char *loop_buffer(struct loop *l, size_t *cap)
{
    *cap = LOOP_BUFFER_BYTES;
    return l->buffer;
}

char *loop_cipher_buffer(struct loop *l, size_t *cap)
{
    if (!l->cipher_buffer)
        l->cipher_buffer = mem_pages(LOOP_BUFFER_BYTES);
    *cap = LOOP_BUFFER_BYTES;
    return l->cipher_buffer;
}

void *loop_uv(struct loop *l)
{
    return &l->uv;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t at_ms)
{
    heap_set(&l->timers, &t->node, at_ms);
    loop_arm(l, at_ms);
}

void loop_timer_clear(struct loop *l, struct loop_timer *t)
{
    heap_remove(&l->timers, &t->node);
}

void loop_task_init(struct loop_task *t, void (*run)(struct loop_task *t))
{
    list_init(&t->node);
    t->run = run;
}

void loop_task_push(struct loop *l, struct loop_task *t)
{
    if (!list_linked(&t->node))
        list_push(&l->tasks, &t->node);
}

void loop_task_clear(struct loop_task *t)
{
    list_remove(&t->node);
}
