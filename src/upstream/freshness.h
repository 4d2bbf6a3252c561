/* freshness.h - which endpoints of a chain have which block: the head of each, the highest head that is sure, and who
 * is near enough to it.  For one kind of head (latest, or a commitment on Solana: heads of different kinds are not
 * compared).  By value in its chain.  Pure.
 *
 * A number is believed at once when the chain can have come so far since the last one: one block more than max_lag, and
 * twice what the block time gives.  One beyond that (another chain, a broken node) is a claim, and its endpoint is
 * doubted, until another endpoint claims the same, or the same one goes on to, three times, with nobody heard of lately
 * who says otherwise; twice where it is the only one, which is not doubted.
 *
 * The head goes back (test nodes that were reset or reverted) when more endpoints are HEAD_ROLLBACK behind it than are
 * not, by their last words; or when there is none left whose last word it is, and that for a while: for 4 s where every
 * endpoint that was heard of, also the one that showed the head, says again and again that it is below, since those who
 * are only late catch up sooner (for a block's time, 12 s at most, where the furthest is one block below: it may be
 * later than 4 s, and by then there is another block); else, as the one that is ahead may be unreachable, for four
 * blocks, 10 s at least.
 * What clients were shown beyond that binds no more.  Before there is a head they are shown what was told: when the
 * first one that is sure is HEAD_ROLLBACK below, that was wrong, and binds no more either.
 *
 * Lag is what an endpoint was behind when it last spoke: who is not asked does not fall behind for that. */
#ifndef MILLRACE_UPSTREAM_FRESHNESS_H
#define MILLRACE_UPSTREAM_FRESHNESS_H

#include <stdbool.h>
#include <stdint.h>

enum { FRESHNESS_MAX = 64 };

struct freshness_conf {
    uint64_t block_ms; /* 0: learned */
    uint64_t max_lag;  /* blocks or slots */
};

enum freshness_news {
    FRESHNESS_SAME,
    FRESHNESS_MOVED,   /* the chain's head did, forward */
    FRESHNESS_DOUBTED, /* this number is not believed: better not shown to a client */
    FRESHNESS_SET_BACK /* what was thought, or shown, before is of a past that is no more, or never was */
};

struct freshness {
    unsigned n;
    uint64_t heard, doubted;    /* bits of endpoints */
    uint64_t current, top;      /* within max_lag (or not heard of); at the head itself */
    uint64_t number;            /* the chain's head; 0: not known yet */
    uint64_t unsure;            /* the highest number that was told before it was */
    uint64_t moved_ms, seen_ms; /* it moved; somebody showed it last */
    uint64_t block_us;          /* learned; 0: not yet */
    uint32_t setbacks;
    uint64_t back_to; /* where the last of them left the head */
    struct {
        uint64_t number, at_ms;
        unsigned by, times; /* 0: there is none */
    } claim;
    struct freshness_low {
        uint64_t seen_ms;  /* of the last sight of the head, since when this is so: */
        uint64_t since_ms; /* it told that it was below, first then, */
        unsigned words;    /* and so many times, or more */
    } low[FRESHNESS_MAX];
    uint64_t first_high; /* while no head is sure, the highest of those told that are near each other */
    uint64_t head[FRESHNESS_MAX], at_ms[FRESHNESS_MAX], behind[FRESHNESS_MAX];
};

/* What a client was shown: by value in its session, zero at first. */
struct freshness_shown {
    uint64_t number;
    uint32_t setbacks;
};

void freshness_init(struct freshness *f, unsigned n);

/* Endpoint i told a number.  exact: its head (eth_blockNumber, getSlot, context.slot, the block "latest"); else a block
 * that it has (by number, of a receipt), which says nothing about those above. */
enum freshness_news freshness_note(struct freshness *f, const struct freshness_conf *c, unsigned i, uint64_t number,
                                   bool exact, uint64_t now_ms);

/* A number was told that says nothing of its endpoint's head: clients are shown it all the same. */
static inline void freshness_unsure(struct freshness *f, uint64_t number)
{
    if (!f->number && number > f->unsure)
        f->unsure = number;
}
/* Can the chain have come to that number?  Nothing is known: yes. */
bool freshness_may_be(const struct freshness *f, const struct freshness_conf *c, uint64_t number, uint64_t now_ms);

/* Who is known to have block `number`; 0: everyone not doubted.  May be empty. */
uint64_t freshness_at(const struct freshness *f, uint64_t number);
/* Of `among`, those with the highest head that is not doubted: for when no one is fresh enough. */
uint64_t freshness_highest(const struct freshness *f, uint64_t among);

/* Who is fresh enough for a question about the head by a client that was shown `number`.  May be empty. */
static inline uint64_t freshness_fit(const struct freshness *f, uint64_t number)
{
    return f->current & freshness_at(f, number);
}

/* ms; 0: neither configured nor learned. */
static inline uint64_t freshness_block_ms(const struct freshness *f, const struct freshness_conf *c)
{
    return c->block_ms ? c->block_ms : f->block_us / 1000;
}

static inline uint64_t freshness_lag(const struct freshness *f, unsigned i)
{
    return f->behind[i];
}

/* What is left of a number that somebody was shown when there had been so many setbacks: no more than where the chain
 * went back to. */
static inline uint64_t freshness_binding(const struct freshness *f, uint64_t number, uint32_t setbacks)
{
    return setbacks != f->setbacks && number > f->back_to ? f->back_to : number;
}

/* The number below which this client must not be answered; 0: none. */
static inline uint64_t freshness_need(const struct freshness *f, const struct freshness_shown *s)
{
    return freshness_binding(f, s->number, s->setbacks);
}

static inline void freshness_show(const struct freshness *f, struct freshness_shown *s, uint64_t number)
{
    if (number > freshness_need(f, s))
        *s = (struct freshness_shown){number, f->setbacks};
}

#endif
