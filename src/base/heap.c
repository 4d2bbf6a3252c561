#include "base/heap.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

void heap_init(struct heap *h)
{
    *h = (struct heap){0};
}

void heap_deinit(struct heap *h)
{
    assert(h->n == 0);
    free(h->v);
    heap_init(h);
}

static void put(struct heap *h, size_t i, struct heap_node *node)
{
    h->v[i] = node;
    node->place = i + 1;
}

static void sift_up(struct heap *h, size_t i, struct heap_node *node)
{
    while (i > 0) {
        size_t up = (i - 1) / 2;

        if (h->v[up]->key <= node->key)
            break;
        put(h, i, h->v[up]);
        i = up;
    }
    put(h, i, node);
}

static void sift_down(struct heap *h, size_t i, struct heap_node *node)
{
    for (;;) {
        size_t kid = 2 * i + 1;

        if (kid >= h->n)
            break;
        if (kid + 1 < h->n && h->v[kid + 1]->key < h->v[kid]->key)
            kid++;
        if (node->key <= h->v[kid]->key)
            break;
        put(h, i, h->v[kid]);
        i = kid;
    }
    put(h, i, node);
}

static void settle(struct heap *h, size_t i, struct heap_node *node)
{
    if (i > 0 && h->v[(i - 1) / 2]->key > node->key)
        sift_up(h, i, node);
    else
        sift_down(h, i, node);
}

void heap_set(struct heap *h, struct heap_node *node, uint64_t key)
{
    node->key = key;
    if (node->place) {
        settle(h, node->place - 1, node);
        return;
    }
    if (h->n == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 64;
        h->v = mem_grow(h->v, h->cap * sizeof *h->v);
    }
    h->n++;
    sift_up(h, h->n - 1, node);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
    size_t i = node->place;
    struct heap_node *last;

    if (!i)
        return;
    i--;
    assert(i < h->n && h->v[i] == node);
    node->place = 0;
    last = h->v[--h->n];
    if (last != node)
        settle(h, i, last);
}
