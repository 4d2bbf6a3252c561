#include "devnode/devnode_answers.h"

#include <stdlib.h>

#include "base/blob.h"
#include "base/mem.h"

struct answer {
    struct list node;
    uint64_t due_us;
    struct blob *bytes;
};

void devnode_answers_init(struct devnode_answers *a)
{
    list_init(&a->list);
    a->n = 0;
}

void devnode_answers_drop(struct devnode_answers *a)
{
    struct blob *b;

    while ((b = devnode_answers_take(a, UINT64_MAX)) != NULL)
        blob_unref(b);
}

int devnode_answers_add(struct devnode_answers *a, struct slice bytes, uint64_t due_us)
{
    struct blob *copy = blob_copy(bytes);
    struct answer *n;

    if (!copy)
        return -1;
    n = mem_zero(sizeof *n);
    n->bytes = copy;
    n->due_us = due_us;
    if (!list_empty(&a->list)) {
        const struct answer *last = container_of(a->list.prev, struct answer, node);

        if (last->due_us > due_us)
            n->due_us = last->due_us;
    }
    list_push(&a->list, &n->node);
    a->n++;
    return 0;
}

uint64_t devnode_answers_due_us(const struct devnode_answers *a)
{
    return list_empty(&a->list) ? UINT64_MAX : container_of(a->list.next, struct answer, node)->due_us;
}

struct blob *devnode_answers_take(struct devnode_answers *a, uint64_t now_us)
{
    struct answer *first;
    struct blob *b;

    if (list_empty(&a->list) || devnode_answers_due_us(a) > now_us)
        return NULL;
    first = container_of(list_pop(&a->list), struct answer, node);
    a->n--;
    b = first->bytes;
    free(first);
    return b;
}
