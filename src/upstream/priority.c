#include "upstream/priority.h"

void priority_init(struct priority_queue *q)
{
    *q = (struct priority_queue){.filled = 0};
    for (unsigned i = 0; i < PRIORITY_RANKS; i++)
        list_init(&q->ranks[i]);
}

static struct flight *flight_of(struct list *queued)
{
    return container_of(queued, struct flight, queued);
}

struct flight *priority_oldest(const struct priority_queue *q)
{
    struct flight *best = NULL;

    for (unsigned left = q->filled; left; left &= left - 1) {
        struct flight *f = flight_of(q->ranks[__builtin_ctz(left)].next);

        if (!best || f->id < best->id)
            best = f;
    }
    return best;
}

/* The first of the ranks in `ranks`. */
static struct flight *front_of(const struct priority_queue *q, unsigned ranks)
{
    return ranks ? flight_of(q->ranks[__builtin_ctz(ranks)].next) : NULL;
}

/* The last of them. */
static struct flight *back_of(const struct priority_queue *q, unsigned ranks)
{
    return ranks ? flight_of(q->ranks[31 - __builtin_clz(ranks)].prev) : NULL;
}

struct flight *priority_front(const struct priority_queue *q)
{
    return front_of(q, q->filled);
}

struct flight *priority_next(const struct priority_queue *q, const struct flight *f)
{
    if (f->queued.next != &q->ranks[f->rank])
        return flight_of(f->queued.next);
    return front_of(q, q->filled & ~0u << (f->rank + 1u));
}

struct flight *priority_back(const struct priority_queue *q)
{
    return back_of(q, q->filled);
}

struct flight *priority_before(const struct priority_queue *q, const struct flight *f)
{
    if (f->queued.prev != &q->ranks[f->rank])
        return flight_of(f->queued.prev);
    return back_of(q, q->filled & ((1u << f->rank) - 1));
}
