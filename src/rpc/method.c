#include "rpc/method.h"

#include <stdint.h>

enum { INDEX_SIZE = 512 }; /* a power of two, at least twice the rows */

/* Slots are the places of the rows: count them with an enum, name by line, so that they are constants. */
#define SLOT_(line) SLOT_AT_##line
#define SLOT(line)  SLOT_(line)
enum {
    SLOT_OTHER,
#define METHOD(family, text, kind) SLOT(__LINE__),
#include "rpc/methods.def"
#undef METHOD
    SLOTS
};

struct row {
    enum chain_family family;
    struct slice name;
    struct method m;
};

static const struct row rows[SLOTS] = {
    [SLOT_OTHER] = {CHAIN_EVM, {NULL, 0}, {"other", METHOD_UNKNOWN, SLOT_OTHER}},
#define METHOD(family, text, kind)                                                                                     \
    [SLOT(__LINE__)] = {CHAIN_##family, {text, sizeof(text) - 1}, {text, METHOD_##kind, SLOT(__LINE__)}},
#include "rpc/methods.def"
#undef METHOD
};

_Static_assert(SLOTS * 2 <= INDEX_SIZE, "the method table wants a larger index");

/* Filled once before main: the rows are constant, and every worker reads the same index. */
static uint8_t index_of[INDEX_SIZE];
_Static_assert(SLOTS <= UINT8_MAX, "slots must fit the index");

/* The first and the last eight bytes and the length: enough to spread the rows.  The table is fixed, so a chosen name
 * can meet a few rows at most, and is compared whole. */
static unsigned bucket(enum chain_family family, struct slice name)
{
    uint64_t head = 0, tail = 0, h;

    if (name.n >= 8) {
        memcpy(&head, name.p, 8);
        memcpy(&tail, name.p + name.n - 8, 8);
    } else if (name.n) {
        memcpy(&head, name.p, name.n);
    }
    h = (head ^ (tail * UINT64_C(0x9e3779b97f4a7c15)) ^ name.n << 8 ^ (uint64_t)family) * UINT64_C(0xff51afd7ed558ccd);
    return (unsigned)(h >> 48) & (INDEX_SIZE - 1);
}

__attribute__((constructor)) static void fill_index(void)
{
    for (unsigned i = SLOT_OTHER + 1; i < SLOTS; i++) {
        unsigned at = bucket(rows[i].family, rows[i].name);

        while (index_of[at])
            at = (at + 1) & (INDEX_SIZE - 1);
        index_of[at] = (uint8_t)i;
    }
}

const struct method *method_get(enum chain_family family, struct slice name)
{
    unsigned at;

    if (name.n > 64) /* longer than any row: do not hash what a client made long */
        return &rows[SLOT_OTHER].m;
    for (at = bucket(family, name); index_of[at]; at = (at + 1) & (INDEX_SIZE - 1)) {
        const struct row *r = &rows[index_of[at]];

        if (r->family == family && slice_eq(r->name, name))
            return &r->m;
    }
    return &rows[SLOT_OTHER].m;
}

const struct method *method_at(unsigned slot)
{
    return &rows[slot < SLOTS ? slot : SLOT_OTHER].m;
}

unsigned method_slots(void)
{
    return SLOTS;
}
