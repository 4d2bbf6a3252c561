#include "rpc/method.h"

#include <stdint.h>

enum {
    INDEX_SIZE = 512, /* a power of two, at least twice the rows */
    LONGEST = 64,     /* no row is longer */
    MAX_SUFFIXES = 4
};

/* Slots are the places of the rows: count them with an enum, name by line, so that they are constants. */
#define SLOT_(line) SLOT_AT_##line
#define SLOT(line)  SLOT_(line)
enum {
    SLOT_OTHER,
#define METHOD(family, text, class, ref, coalesce, hedge, retry, heavy, cache, units, sticky) SLOT(__LINE__),
#include "rpc/methods.def"
#undef METHOD
    SLOTS
};

enum { REF_NO = METHOD_REF_NO, REF_ANY = METHOD_REF_ANY, REF_0 = 0, REF_1 = 1, REF_2 = 2 };

#define KIND(c)                                                                                                        \
    ((c) <= CLASS_LOCAL                                 ? METHOD_READ                                                  \
     : (c) == CLASS_FILTER || (c) == CLASS_SUBSCRIPTION ? METHOD_FILTER                                                \
     : (c) == CLASS_UNKNOWN                             ? METHOD_UNKNOWN                                               \
                                                        : METHOD_WRITE)
#define DENIED(c) ((c) == CLASS_SIGN || (c) == CLASS_ADMIN || (c) == CLASS_SUBSCRIPTION)

struct row {
    enum chain_family family;
    struct slice name;
    struct method m;
};

static const struct row rows[SLOTS] = {
    [SLOT_OTHER] = {.family = CHAIN_EVM,
                    .m = {.name = "other",
                          .class = CLASS_UNKNOWN,
                          .kind = METHOD_UNKNOWN,
                          .wild = true,
                          .ref = METHOD_REF_NO,
                          .units = 20}},
#define METHOD(chain, text, c, r, s, h, again, apart, rule, cost, bound)                                               \
    [SLOT(__LINE__)] = {.family = CHAIN_##chain,                                                                       \
                        .name = {text, sizeof(text) - 1},                                                              \
                        .m = {.name = text,                                                                            \
                              .class = CLASS_##c,                                                                      \
                              .kind = KIND(CLASS_##c),                                                                 \
                              .slot = SLOT(__LINE__),                                                                  \
                              .wild = text[0] == '*' || text[sizeof(text) - 2] == '*',                                 \
                              .ref = REF_##r,                                                                          \
                              .coalesce = s,                                                                           \
                              .hedge = h,                                                                              \
                              .retry = again,                                                                          \
                              .heavy = apart,                                                                          \
                              .denied = DENIED(CLASS_##c),                                                             \
                              .cache = CACHE_##rule,                                                                   \
                              .sticky = STICKY_##bound,                                                                \
                              .units = cost}},
#include "rpc/methods.def"
#undef METHOD
};

_Static_assert(SLOTS * 2 <= INDEX_SIZE, "the method table wants a larger index");
_Static_assert(SLOTS <= UINT8_MAX, "slots must fit the index");

/* A name as it is looked up: up to 24 bytes, these three words, which overlap, tell all of it. */
struct key {
    uint64_t head, middle, tail;
    uint64_t size; /* and the family */
};

/* Filled once before main: the rows are constant, and every worker reads the same index. */
static uint8_t index_of[INDEX_SIZE];
static struct key keys[SLOTS];
static unsigned suffixes[MAX_SUFFIXES], n_suffixes; /* slots of "*Subscribe" and such */

static uint64_t load8(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static uint32_t load4(const char *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static inline struct key key_of(enum chain_family family, struct slice name)
{
    struct key k = {.size = (uint64_t)name.n << 1 | (family == CHAIN_SOLANA)};

    if (name.n >= 8) {
        k.head = load8(name.p);
        k.tail = load8(name.p + name.n - 8);
        if (name.n > 16)
            k.middle = load8(name.p + 8);
    } else if (name.n >= 4) {
        k.head = load4(name.p);
        k.tail = load4(name.p + name.n - 4);
    } else {
        for (size_t i = 0; i < name.n; i++)
            k.head = k.head << 8 | (unsigned char)name.p[i];
    }
    return k;
}

/* The table is fixed, so a chosen name can meet a few rows at most, and is compared whole. */
static inline unsigned bucket(struct key k)
{
    uint64_t h = (k.head ^ (k.tail * UINT64_C(0x9e3779b97f4a7c15)) ^ k.size << 8) * UINT64_C(0xff51afd7ed558ccd);

    return (unsigned)(h >> 48) & (INDEX_SIZE - 1);
}

/* What the row is found by: a name space without its "*". */
static struct slice key_text(const struct row *r)
{
    return slice_of(r->name.p, r->name.n - r->m.wild);
}

__attribute__((constructor)) static void fill_index(void)
{
    for (unsigned i = SLOT_OTHER + 1; i < SLOTS; i++) {
        unsigned at;

        if (rows[i].name.p[0] == '*') {
            suffixes[n_suffixes++] = i;
            continue;
        }
        keys[i] = key_of(rows[i].family, key_text(&rows[i]));
        for (at = bucket(keys[i]); index_of[at];)
            at = (at + 1) & (INDEX_SIZE - 1);
        index_of[at] = (uint8_t)i;
    }
}

/* SLOT_OTHER: there is no such row. */
static inline unsigned find(enum chain_family family, struct slice name)
{
    struct key k = key_of(family, name);

    for (unsigned at = bucket(k), i; (i = index_of[at]) != SLOT_OTHER; at = (at + 1) & (INDEX_SIZE - 1))
        if (keys[i].head == k.head && keys[i].tail == k.tail && keys[i].size == k.size && keys[i].middle == k.middle &&
            (name.n <= 24 || memcmp(rows[i].name.p + 16, name.p + 16, name.n - 24) == 0))
            return i;
    return SLOT_OTHER;
}

/* The row of the name's beginning up to the first "_", or of its end. */
static __attribute__((noinline, cold)) unsigned find_wild(enum chain_family family, struct slice name)
{
    const char *bar = name.n ? memchr(name.p, '_', name.n < LONGEST ? name.n : LONGEST) : NULL;
    unsigned i = bar ? find(family, slice_of(name.p, (size_t)(bar - name.p) + 1)) : SLOT_OTHER;

    for (unsigned j = 0; j < n_suffixes && i == SLOT_OTHER; j++) {
        const struct row *r = &rows[suffixes[j]];
        size_t n = r->name.n - 1;

        if (r->family == family && name.n >= n && memcmp(name.p + name.n - n, r->name.p + 1, n) == 0)
            i = suffixes[j];
    }
    return i;
}

const struct method *method_get(enum chain_family family, struct slice name)
{
    unsigned i = name.n <= LONGEST ? find(family, name) : SLOT_OTHER;

    return &rows[i != SLOT_OTHER ? i : find_wild(family, name)].m;
}

const struct method *method_at(unsigned slot)
{
    return &rows[slot < SLOTS ? slot : SLOT_OTHER].m;
}

unsigned method_slots(void)
{
    return SLOTS;
}
