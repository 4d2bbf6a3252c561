/* cache.h - answers that are kept: the least recently used leave first, by bytes, with a hard maximum.
 *
 * Holds one reference to each answer, and the bytes of each key; who gets an answer gets a reference of its own to the
 * same bytes.  Entries are found by a hash and a key that is compared whole, so that equal hashes cost time, never an
 * answer to another question: the caller's hash must be keyed, or strangers could make it slow.  What goes in is
 * decided elsewhere (cache_rule.h): results only, never errors.
 *
 * Answers of the head are good for the epoch that they were asked in, while `expires_ms` lies ahead.  When the head
 * moves they are all void at once; their memory comes back a few at a time, so that no event has to free them all.
 *
 * Pure: the caller passes the time; never logs or calls back.  Allocates when something is put, never when it is got.
 * Not thread-safe: one for each chain and worker. */
#ifndef MILLRACE_CACHE_CACHE_H
#define MILLRACE_CACHE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "cache/cache_rule.h"

struct cache;

struct cache_item {
    uint64_t hash;    /* of the key */
    struct slice key; /* copied */
    enum cache_rule_kind rule;
    enum cache_scope scope;
    uint64_t epoch, expires_ms; /* of CACHE_UNTIL_HEAD only: in which it was asked; the first ms in which it is void */
};

struct cache_counts {
    uint64_t hits[CACHE_RULE_COUNT];
    uint64_t misses;
    uint64_t puts;      /* taken in, also in place of an older answer */
    uint64_t refused;   /* too large, too late, or no memory */
    uint64_t evictions; /* answers that made room while they were still good */
    uint64_t voided;    /* answers of the head that were dropped because it moved, or for their age */
    size_t bytes;       /* held now, with all that they cost: never above the maximum */
    size_t table_bytes; /* of these, the hash table's */
    size_t entries;     /* held now, void ones included */
};

struct cache *cache_new(size_t max_bytes); /* 0: keeps nothing */
struct cache *cache_free(struct cache *c); /* drops all; asserts that the counts agree; NULL is fine; returns NULL */
void cache_limit(struct cache *c, size_t max_bytes); /* a new maximum, in force on return */

/* True: *out holds the answer, and its `ref` is a reference that the caller now owns.  `rule` may be NULL. */
bool cache_get(struct cache *c, uint64_t hash, struct slice key, uint64_t now_ms, uint64_t epoch, struct chunk *out,
               enum cache_rule_kind *rule);

/* Keeps an answer in place of what was there under this key.  It takes a reference of its own; where that would hold
 * much more memory than the answer needs (one answer of a large batch), and where answer.ref is NULL, it copies.
 * False: not kept, because it is not to be, its epoch has passed, it is larger than an eighth of the maximum, or there
 * is no memory.  A newer epoch than any before moves the head. */
bool cache_put(struct cache *c, const struct cache_item *item, struct chunk answer);

/* The head is now at `epoch`; older answers of the head are void.  Epochs only grow: an older one is ignored. */
void cache_head_moved(struct cache *c, uint64_t epoch);

const struct cache_counts *cache_counts(const struct cache *c);
void cache_verify(const struct cache *c); /* for tests: walks everything and asserts that it is consistent */

#endif
