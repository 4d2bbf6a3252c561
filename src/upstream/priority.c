#include "upstream/priority.h"

#include <assert.h>

void priority_init(struct priority_queue *q)
{
    *q = (struct priority_queue){.filled = 0};
    for (unsigned i = 0; i < PRIORITY_RANKS; i++)
        list_init(&q->ranks[i]);
}

static void entered(struct priority_queue *q, const struct priority_node *n)
{
    q->filled |= 1u << n->rank;
    q->n++;
}

void priority_push(struct priority_queue *q, struct priority_node *n, enum priority_class class,
                   enum priority_client client)
{
    n->rank = (unsigned)class * PRIORITY_CLIENTS + (unsigned)client;
    n->seq = ++q->seq;
    list_push(&q->ranks[n->rank], &n->node);
    entered(q, n);
}

void priority_push_front(struct priority_queue *q, struct priority_node *n)
{
    assert(n->seq);
    list_push_front(&q->ranks[n->rank], &n->node);
    entered(q, n);
}

static struct priority_node *head(const struct priority_queue *q, unsigned rank)
{
    return container_of(q->ranks[rank].next, struct priority_node, node);
}

static struct priority_node *oldest(const struct priority_queue *q)
{
    struct priority_node *best = NULL;

    for (unsigned left = q->filled; left; left &= left - 1) {
        struct priority_node *n = head(q, (unsigned)__builtin_ctz(left));

        if (!best || n->seq < best->seq)
            best = n;
    }
    return best;
}

struct priority_node *priority_first(const struct priority_queue *q)
{
    if (!q->filled)
        return NULL;
    if (q->turn >= PRIORITY_TURNS - 1)
        return oldest(q);
    return head(q, (unsigned)__builtin_ctz(q->filled));
}

void priority_take(struct priority_queue *q, struct priority_node *n)
{
    q->turn = q->turn >= PRIORITY_TURNS - 1 ? 0 : q->turn + 1;
    priority_remove(q, n);
}

void priority_remove(struct priority_queue *q, struct priority_node *n)
{
    if (!list_linked(&n->node))
        return;
    list_remove(&n->node);
    q->n--;
    if (list_empty(&q->ranks[n->rank]))
        q->filled &= ~(1u << n->rank);
}
