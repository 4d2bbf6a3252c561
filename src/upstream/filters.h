/* filters.h - which endpoint holds a filter, and under which name.  Endpoints count 0x1, 0x2, ... or draw at random
 * (geth): two may hand out the same id, so clients get ids that are drawn here.  Owned by its chain; times in ms. Pure.
 * Bounded: what was not used for FILTERS_IDLE_MS is dropped, and the one used least recently makes room. */
#ifndef MILLRACE_UPSTREAM_FILTERS_H
#define MILLRACE_UPSTREAM_FILTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/slice.h"
#include "rpc/scope.h"

enum {
    FILTERS_MAX = 65536,
    FILTERS_IDLE_MS = 900000, /* nethermind's; geth drops a filter after 300 s */
    FILTERS_OWN_MAX = 96,     /* bytes of an endpoint's id as JSON; geth's have 36 */
    FILTERS_TEXT = 34         /* bytes of a client's id: 0x and 32 digits */
};

struct filter_id { /* a client's id; hi has its top four bits not all 0: clients that strip zeros keep it whole */
    uint64_t hi, lo;
};

struct filter;
struct filters;

struct filters *filters_new(const struct hash_secret *secret, size_t max);
struct filters *filters_free(struct filters *t);
size_t filters_count(const struct filters *t);

/* Drops what was idle for too long; returns how many. */
size_t filters_expire(struct filters *t, uint64_t now_ms);

/* From 128 random bits: id is a valid one. */
struct filter_id filter_id_of(uint64_t hi, uint64_t lo);
void filter_id_text(struct filter_id id, char out[FILTERS_TEXT]);
/* In any case of its digits. false: cannot be one of ours. */
bool filter_id_read(struct filter_id *id, struct slice text);

enum { FILTERS_TAKEN = 1, FILTERS_TOO_LONG };

/* Binds id to endpoint's own id, the JSON of it, and to the scope that made it.  An older filter of that name at that
 * endpoint is gone: the endpoint has just given its name to another. 0 and *dropped: how many made room; FILTERS_TAKEN:
 * id is in use, draw another; FILTERS_TOO_LONG. */
int filters_bind(struct filters *t, struct filter_id id, unsigned endpoint, struct slice own, struct scope *scope,
                 uint64_t now_ms, size_t *dropped);

/* Counts as a use. NULL: not bound, or no more. The result is good until the next call that is not a lookup. */
const struct filter *filters_use(struct filters *t, struct filter_id id, uint64_t now_ms);
unsigned filter_endpoint(const struct filter *f);
struct slice filter_own(const struct filter *f);
const struct scope *filter_scope(const struct filter *f); /* who may use it */

bool filters_remove(struct filters *t, struct filter_id id);

#endif
