/* heap.h - intrusive binary min-heap of deadlines.  Nodes live in their owners; the heap only holds pointers.
 * Pure: no clock. */
#ifndef MILLRACE_BASE_HEAP_H
#define MILLRACE_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    uint64_t key; /* by convention a time in ms */
    size_t place; /* 1-based place in the heap; 0: not in it */
};

struct heap {
    struct heap_node **v;
    size_t n, cap;
};

void heap_init(struct heap *h);
void heap_deinit(struct heap *h);                                    /* asserts that it is empty */
void heap_set(struct heap *h, struct heap_node *node, uint64_t key); /* inserts, or moves when already in */
void heap_remove(struct heap *h, struct heap_node *node);            /* fine when not in it */

static inline struct heap_node *heap_first(const struct heap *h)
{
    return h->n ? h->v[0] : NULL;
}

static inline bool heap_linked(const struct heap_node *node)
{
    return node->place != 0;
}

#endif
