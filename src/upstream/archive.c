#include "upstream/archive.h"

#include <assert.h>

#define NONE ARCHIVE_UNKNOWN

void archive_init(struct archive *a, unsigned n)
{
    assert(n >= 1 && n <= ARCHIVE_MAX);
    *a = (struct archive){.n = n};
    for (unsigned k = 0; k < ARCHIVE_KINDS; k++) {
        a->shallowest[k] = NONE;
        for (unsigned i = 0; i < n; i++)
            a->floors[i][k] = (struct archive_floor){.always = NONE, .learned = NONE};
    }
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t floor_of(const struct archive_floor *f, uint64_t now_ms)
{
    return now_ms < f->until_ms ? least(f->always, f->learned) : f->always;
}

/* What time alone makes void stays in: it costs a look at all of them, now and then. */
static void note_shallowest(struct archive *a, enum archive_kind kind, uint64_t now_ms)
{
    a->shallowest[kind] = NONE;
    for (unsigned i = 0; i < a->n; i++)
        a->shallowest[kind] = least(a->shallowest[kind], floor_of(&a->floors[i][kind], now_ms));
}

void archive_configure(struct archive *a, unsigned i, enum chain_family family, bool has)
{
    a->has |= (uint64_t)has << i;
    if (has)
        return;
    /* On EVM chains such a node has the whole history, as a rule. */
    if (family == CHAIN_SOLANA)
        a->floors[i][ARCHIVE_HISTORY].always = ARCHIVE_LEDGER_SLOTS;
    else
        for (unsigned k = 0; k < ARCHIVE_HISTORY; k++)
            a->floors[i][k].always = ARCHIVE_STATE_BLOCKS;
    for (unsigned k = 0; k < ARCHIVE_KINDS; k++)
        note_shallowest(a, (enum archive_kind)k, 0);
}

enum archive_kind archive_kind_of(const struct method *m)
{
    struct slice name = slice_str(m->name);

    if (slice_starts(name, SLICE("debug_trace")) || slice_starts(name, SLICE("trace_")) ||
        slice_starts(name, SLICE("arbtrace_")))
        return ARCHIVE_TRACE;
    if (slice_eq(name, SLICE("eth_getProof")))
        return ARCHIVE_PROOF;
    /* Base fees stand in the headers. */
    return m->class == CLASS_STATE && !slice_eq(name, SLICE("eth_feeHistory")) ? ARCHIVE_STATE : ARCHIVE_HISTORY;
}

const char *archive_kind_name(enum archive_kind kind)
{
    static const char *const names[] = {"state", "traces", "proofs", "history"};

    return names[kind];
}

/* A window of proofs is no matter of an archive. */
static bool is_trusted(const struct archive *a, unsigned i, enum archive_kind kind)
{
    return a->has >> i & 1 && kind != ARCHIVE_PROOF;
}

/* Nodes keep the state of the newest blocks: who lacks that is in trouble, or one of several behind a balancer. */
static uint64_t believed_ms(enum archive_kind kind, uint64_t from)
{
    return kind <= ARCHIVE_TRACE && from < ARCHIVE_STATE_BLOCKS ? ARCHIVE_DOUBT_MS : ARCHIVE_FORGET_MS;
}

void archive_missed(struct archive *a, unsigned i, enum archive_kind kind, uint64_t depth, uint64_t now_ms)
{
    struct archive_floor *f = &a->floors[i][kind];
    uint64_t from = depth / 2;

    assert(i < a->n);
    if (depth == ARCHIVE_UNKNOWN || is_trusted(a, i, kind))
        return;
    if (depth <= f->had)
        f->had = 0;
    if (from < ARCHIVE_STATE_BLOCKS)
        from = least(depth, ARCHIVE_STATE_BLOCKS);
    if (from <= f->had)
        from = f->had + 1;
    if (now_ms >= f->until_ms || from < f->learned) {
        f->learned = from;
        f->until_ms = now_ms + believed_ms(kind, from);
    } else if (believed_ms(kind, f->learned) == ARCHIVE_FORGET_MS) { /* it does not confirm what is doubtful */
        f->until_ms = now_ms + ARCHIVE_FORGET_MS;
    }
    note_shallowest(a, kind, now_ms);
}

void archive_had(struct archive *a, unsigned i, enum archive_kind kind, uint64_t depth, uint64_t now_ms)
{
    struct archive_floor *f = &a->floors[i][kind];

    assert(i < a->n);
    if (depth == ARCHIVE_UNKNOWN || depth <= f->had)
        return;
    f->had = depth;
    if (depth < f->learned)
        return;
    f->learned = depth + 1;
    note_shallowest(a, kind, now_ms);
}

uint64_t archive_missing(const struct archive *a, unsigned i, enum archive_kind kind, uint64_t now_ms)
{
    return floor_of(&a->floors[i][kind], now_ms);
}

uint64_t archive_lacking_(const struct archive *a, enum archive_kind kind, uint64_t depth, uint64_t now_ms)
{
    uint64_t set = 0;

    for (unsigned i = 0; i < a->n; i++) {
        uint64_t from = floor_of(&a->floors[i][kind], now_ms);

        set |= (uint64_t)(from != NONE && depth >= from) << i;
    }
    return set;
}
