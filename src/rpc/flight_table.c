#include "rpc/flight_table.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/plant.h"
#include "rpc/flight_key.h"

enum { FIRST_SLOTS = 1024 };

void flight_table_init(struct flight_table *t, const struct hash_secret *secret)
{
    t->secret = *secret;
    t->slots = mem_array(FIRST_SLOTS, sizeof *t->slots);
    t->mask = FIRST_SLOTS - 1;
    t->n = 0;
}

void flight_table_deinit(struct flight_table *t)
{
    assert(t->n == 0);
    free(t->slots);
    t->slots = NULL;
}

void flight_table_key(const struct flight_table *t, struct flight *f, uint64_t head_epoch, uint64_t write_epoch)
{
    struct slice tail = slice_of(f->tail, f->tail_n),
                 params = slice_of(f->tail + f->params_at, f->tail_n - f->params_at);
    bool fold = f->fold_hex;
    uint64_t mix;

    f->key = tail;
    if ((f->scope && !planted(PLANT_KEY_WITHOUT_SCOPE)) || !flight_key_is_plain(params, fold)) {
        size_t n = f->scope && !planted(PLANT_KEY_WITHOUT_SCOPE) ? f->scope->n + 1 : 0;
        char *to = n + tail.n <= sizeof f->key_store ? f->key_store : (f->key_own = mem_grow(NULL, n + tail.n));

        if (n) { /* no line ends in either: a key with a scope is no other's */
            memcpy(to, f->scope->text, n - 1);
            to[n - 1] = '\n';
        }
        f->key = slice_of(to, n + flight_key_write(to + n, tail, fold));
    }
    if (planted(PLANT_KEY_WITHOUT_PARAMS))
        f->key.n = f->params_at;
    if (planted(PLANT_KEY_WITHOUT_EPOCH))
        head_epoch = 0;
    if (planted(PLANT_KEY_WITHOUT_FENCE))
        write_epoch = 0;
    f->head_epoch = head_epoch;
    f->write_epoch = write_epoch;
    f->text_hash = hash_bytes(&t->secret, 0, f->key.p, f->key.n);
    mix = (uint64_t)(uintptr_t)f->chain ^ (head_epoch << 32 | head_epoch >> 32) ^ write_epoch;
    f->key_hash = f->text_hash ^ mix * UINT64_C(0x9e3779b97f4a7c15);
}

static bool same(const struct flight *a, const struct flight *b)
{
    return a->key_hash == b->key_hash && a->chain == b->chain && a->head_epoch == b->head_epoch &&
           a->write_epoch == b->write_epoch && slice_eq(a->key, b->key);
}

struct flight *flight_table_find(const struct flight_table *t, const struct flight *f)
{
    struct flight *it = t->slots[f->key_hash & t->mask];

    while (it && !same(it, f))
        it = it->same_slot;
    return it;
}

static void grow(struct flight_table *t)
{
    size_t n = (t->mask + 1) * 2;
    struct flight **slots = mem_array(n, sizeof *slots);

    for (size_t i = 0; i <= t->mask; i++) {
        struct flight *next;

        for (struct flight *f = t->slots[i]; f; f = next) {
            struct flight **slot = &slots[f->key_hash & (n - 1)];

            next = f->same_slot;
            f->same_slot = *slot;
            *slot = f;
        }
    }
    free(t->slots);
    t->slots = slots;
    t->mask = n - 1;
}

void flight_table_add(struct flight_table *t, struct flight *f)
{
    struct flight **slot;

    assert(!f->listed);
    if (t->n > t->mask)
        grow(t);
    slot = &t->slots[f->key_hash & t->mask];
    f->same_slot = *slot;
    *slot = f;
    f->listed = true;
    t->n++;
}

void flight_table_remove(struct flight_table *t, struct flight *f)
{
    struct flight **slot;

    if (!f->listed)
        return;
    slot = &t->slots[f->key_hash & t->mask];
    while (*slot != f)
        slot = &(*slot)->same_slot;
    *slot = f->same_slot;
    f->listed = false;
    t->n--;
}
