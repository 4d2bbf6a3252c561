/* priority.h - who waits for a token or a link, in the order of departure: questions of our own, then transactions
 * before reads before heavy reads; within these, what the client says of its priority; within these, as they came.  By
 * value in whom they wait for; pure.  Borrows flights, by flight.queued and flight.rank.
 *
 * Every eighth departure is the oldest of all (the lowest flight.id), so that no call waits for more than eight times
 * those who came before it.  All but that take constant time, and that looks at ten. */
#ifndef MILLRACE_UPSTREAM_PRIORITY_H
#define MILLRACE_UPSTREAM_PRIORITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "rpc/flight.h"
#include "rpc/method.h"

enum priority_client { PRIORITY_HIGH, PRIORITY_NORMAL, PRIORITY_LOW, PRIORITY_CLIENTS };
enum priority_class { PRIORITY_SEND, PRIORITY_READ, PRIORITY_HEAVY, PRIORITY_CLASSES };
enum {
    PRIORITY_OWN, /* the rank of questions of our own: no turn is before them */
    PRIORITY_RANKS = 1 + PRIORITY_CLASSES * PRIORITY_CLIENTS,
    PRIORITY_TURNS = 8
};

struct priority_queue {
    struct list ranks[PRIORITY_RANKS];
    unsigned filled; /* bits: ranks with somebody */
    unsigned turn;   /* departures since the oldest had its turn */
};

static inline unsigned priority_rank(const struct method *m, bool heavy, enum priority_client client)
{
    unsigned class = m->kind == METHOD_WRITE ? PRIORITY_SEND : heavy ? PRIORITY_HEAVY : PRIORITY_READ;

    return 1 + class * PRIORITY_CLIENTS + client;
}

void priority_init(struct priority_queue *q);

/* At the end of its rank, or at the front: one that has waited before. */
static inline void priority_push(struct priority_queue *q, struct flight *f, bool front)
{
    struct list *rank = &q->ranks[f->rank];

    list_push(front ? rank->next : rank, &f->queued);
    q->filled |= 1u << f->rank;
}

/* It leaves; it must be in. */
static inline void priority_remove(struct priority_queue *q, struct flight *f)
{
    list_remove(&f->queued);
    q->filled &= ~((unsigned)list_empty(&q->ranks[f->rank]) << f->rank);
}

struct flight *priority_oldest(const struct priority_queue *q);

/* Who departs next; stays in.  NULL: nobody waits. */
static inline struct flight *priority_first(const struct priority_queue *q)
{
    if (!q->filled)
        return NULL;
    if (q->turn >= PRIORITY_TURNS - 1 && !(q->filled & 1u << PRIORITY_OWN))
        return priority_oldest(q);
    return container_of(q->ranks[__builtin_ctz(q->filled)].next, struct flight, queued);
}

/* Somebody departs. */
static inline void priority_turn(struct priority_queue *q)
{
    q->turn = q->turn >= PRIORITY_TURNS - 1 ? 0 : q->turn + 1;
}

/* All of them in order, whosever turn it is: the front, who is behind f, and the same from the other end. NULL: nobody.
 */
struct flight *priority_front(const struct priority_queue *q);
struct flight *priority_next(const struct priority_queue *q, const struct flight *f);
struct flight *priority_back(const struct priority_queue *q);
struct flight *priority_before(const struct priority_queue *q, const struct flight *f);

#endif
