/* limit_park.h - an endpoint, or some of its methods, left alone until a time.  By value in its limiter; pure.
 *
 * Without a word from the provider about how long, a pause lasts 100 ms, and doubles up to 30 s each time the first
 * calls after it are refused again; a call that is accepted after it ends the row.  Some limits count for one second
 * and others for ten or sixty: this finds the end of either soon. */
#ifndef MILLRACE_UPSTREAM_LIMIT_PARK_H
#define MILLRACE_UPSTREAM_LIMIT_PARK_H

#include <stdbool.h>
#include <stdint.h>

enum { LIMIT_PARK_FIRST_US = 100000, LIMIT_PARK_DOUBLES = 9 };
enum { LIMIT_PARK_MAX_US = 30000000 };              /* by doubling */
#define LIMIT_PARK_TOLD_MAX_US UINT64_C(3600000000) /* what a provider says is believed up to an hour */
enum { LIMIT_PARK_METHODS = 24 }; /* parked at once; with one more, the one that is free soonest is forgotten */

struct limit_pause {
    uint64_t until_us;
    unsigned row;  /* pauses in a row, without an accepted call between */
    bool accepted; /* a call that left after it */
};

struct limit_park {
    struct limit_pause all;
    uint64_t may_be[4]; /* bits: method slots that may be parked, modulo 256 */
    struct {
        struct limit_pause pause;
        unsigned slot;
    } methods[LIMIT_PARK_METHODS];
    unsigned n_methods;
};

/* A call that left at sent_us was refused.  told_us: how long the provider wants to be left alone; 0: no word.
 * true: a pause begins; false: the call left before the pause that is on, or was, and says nothing new. */
bool limit_pause_refused(struct limit_pause *p, uint64_t sent_us, uint64_t told_us, uint64_t now_us);

/* At least until then. */
static inline void limit_pause_until(struct limit_pause *p, uint64_t until_us)
{
    if (p->until_us < until_us)
        p->until_us = until_us;
}

/* The pause of a method, made when there is none. */
struct limit_pause *limit_park_method(struct limit_park *p, unsigned slot);
/* Until when this method is parked, 0: not. */
uint64_t limit_park_method_until(const struct limit_park *p, unsigned slot);

static inline bool limit_park_may_be(const struct limit_park *p, unsigned slot)
{
    return p->may_be[slot / 64 % 4] >> (slot % 64) & 1;
}

#endif
