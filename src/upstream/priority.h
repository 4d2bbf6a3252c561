/* priority.h - who waits for a token or a link, in the order of departure: transactions before reads before heavy
 * reads; within these, what the client says of its priority; within these, age.  By value in whom they wait for; pure.
 *
 * Every eighth departure is the oldest of all, so that no call waits for more than eight times those who came before
 * it.  All but that take constant time, and that looks at nine. */
#ifndef MILLRACE_UPSTREAM_PRIORITY_H
#define MILLRACE_UPSTREAM_PRIORITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "rpc/method.h"

enum priority_client { PRIORITY_HIGH, PRIORITY_NORMAL, PRIORITY_LOW, PRIORITY_CLIENTS };
enum priority_class { PRIORITY_SEND, PRIORITY_READ, PRIORITY_HEAVY, PRIORITY_CLASSES };
enum { PRIORITY_RANKS = PRIORITY_CLASSES * PRIORITY_CLIENTS, PRIORITY_TURNS = 8 };

struct priority_node {
    struct list node; /* list_init() before it is used */
    uint64_t seq;     /* by age; 0: has not waited yet */
    unsigned rank;
};

struct priority_queue {
    struct list ranks[PRIORITY_RANKS];
    unsigned filled; /* bits: ranks with somebody */
    unsigned n;
    unsigned turn; /* departures since the oldest had its turn */
    uint64_t seq;
};

void priority_init(struct priority_queue *q);
/* At the end of its rank; one that has waited before goes back to its place by age, at the front. */
void priority_push(struct priority_queue *q, struct priority_node *n, enum priority_class class,
                   enum priority_client client);
void priority_push_front(struct priority_queue *q, struct priority_node *n);
/* Who departs next; stays in.  NULL: nobody waits. */
struct priority_node *priority_first(const struct priority_queue *q);
/* It departs. */
void priority_take(struct priority_queue *q, struct priority_node *n);
/* It leaves without departing; fine when it is not in. */
void priority_remove(struct priority_queue *q, struct priority_node *n);

static inline enum priority_class priority_class_of(const struct method *m, bool heavy)
{
    return m->kind == METHOD_WRITE ? PRIORITY_SEND : heavy ? PRIORITY_HEAVY : PRIORITY_READ;
}

#endif
