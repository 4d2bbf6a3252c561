#include "io/race.h"

#include <stdlib.h>

#include "base/mem.h"
#include "io/loop_priv.h"
#include "io/stream_priv.h"

enum { NEXT_ATTEMPT_MS = 250, KEEPALIVE_IDLE_S = 60 };

struct attempt {
    uv_connect_t req;
    struct list node;  /* in race.attempts */
    struct race *race; /* NULL: the race is over; libuv's callback frees this */
    struct stream *s;
    union dns_address address;
};

struct race {
    struct loop *loop;
    struct loop_timer timer;
    struct loop_task step; /* so that a failure inside a call is not reported from it */
    struct list attempts;  /* connecting now */
    struct dns_answer order;
    unsigned next;
    int status; /* the failure to report when all have failed */
    race_done *done;
    void *owner;
};

/* The first family of the resolver's order first, then the two in turn. */
static void interleave(struct dns_answer *out, const struct dns_answer *a, uint16_t port)
{
    sa_family_t want = a->n ? a->v[0].sa.sa_family : AF_UNSPEC;
    unsigned at[2] = {0, 0}; /* how far each family is used: the wanted one, the other */

    out->n = 0;
    for (unsigned turn = 0; out->n < a->n; turn ^= 1) {
        unsigned i = at[turn];

        while (i < a->n && (a->v[i].sa.sa_family == want) != (turn == 0))
            i++;
        at[turn] = i + 1;
        if (i < a->n)
            out->v[out->n++] = a->v[i];
    }
    for (unsigned i = 0; i < out->n; i++)
        if (out->v[i].sa.sa_family == AF_INET)
            out->v[i].v4.sin_port = htons(port);
        else
            out->v[i].v6.sin6_port = htons(port);
}

struct race *race_cancel(struct race *r)
{
    struct list *node;

    if (!r)
        return NULL;
    while ((node = list_pop(&r->attempts)) != NULL) {
        struct attempt *a = container_of(node, struct attempt, node);

        a->race = NULL;
        a->s = stream_close(a->s);
    }
    loop_timer_clear(r->loop, &r->timer);
    loop_task_clear(&r->step);
    free(r);
    return NULL;
}

static void race_end(struct race *r, int status, struct stream *s, const union dns_address *a)
{
    race_done *done = r->done;
    void *owner = r->owner;

    loop_touch(r->loop);
    race_cancel(r);
    done(owner, status, s, a);
}

/* "No route" from the family that this machine does not have says less than what the other family met. */
static void race_note(struct race *r, int status)
{
    if (r->status == 0 || r->status == UV_ENETUNREACH || r->status == UV_EADDRNOTAVAIL || r->status == UV_EAFNOSUPPORT)
        r->status = status;
}

static void on_connected(uv_connect_t *req, int status)
{
    struct attempt *a = req->data;
    struct race *r = a->race;
    struct stream *s = a->s;
    union dns_address address = a->address;

    if (r)
        list_remove(&a->node);
    free(a);
    if (!r)
        return;
    if (status == 0) {
        race_end(r, 0, s, &address);
        return;
    }
    stream_close(s);
    race_note(r, status);
    loop_task_push(r->loop, &r->step);
}

static void race_attempt(struct race *r)
{
    struct attempt *a = mem_zero(sizeof *a);
    int status;

    a->race = r;
    a->address = r->order.v[r->next++];
    a->s = stream_new_tcp(r->loop);
    a->req.data = a;
    /* No socket yet: libuv sets these when it makes one. */
    uv_tcp_nodelay(&a->s->uv.tcp, 1);
    uv_tcp_keepalive(&a->s->uv.tcp, 1, KEEPALIVE_IDLE_S);
    status = uv_tcp_connect(&a->req, &a->s->uv.tcp, &a->address.sa, on_connected);
    if (status == 0) {
        list_push(&r->attempts, &a->node);
        if (r->next < r->order.n)
            loop_timer_set(r->loop, &r->timer, loop_now_ms(r->loop) + NEXT_ATTEMPT_MS);
        return;
    }
    stream_close(a->s);
    free(a);
    race_note(r, status);
    loop_task_push(r->loop, &r->step);
}

static void on_step(struct loop_task *t)
{
    struct race *r = container_of(t, struct race, step);

    if (r->next < r->order.n)
        race_attempt(r);
    else if (list_empty(&r->attempts))
        race_end(r, r->status ? r->status : UV_EADDRNOTAVAIL, NULL, NULL);
}

static void on_delay(struct loop_timer *t)
{
    race_attempt(container_of(t, struct race, timer));
}

struct race *race_start(struct loop *l, const struct dns_answer *a, uint16_t port, race_done *done, void *owner)
{
    struct race *r = mem_zero(sizeof *r);

    r->loop = l;
    r->timer.fire = on_delay;
    r->done = done;
    r->owner = owner;
    list_init(&r->attempts);
    loop_task_init(&r->step, on_step);
    interleave(&r->order, a, port);
    if (r->order.n)
        race_attempt(r);
    else
        loop_task_push(l, &r->step);
    return r;
}
