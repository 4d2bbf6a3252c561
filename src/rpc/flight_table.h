/* flight_table.h - the flights that others may join, by key.  Owned by the worker; borrows the flights.  A flight is
 * found only when its whole key is equal, never by the hash alone.  Pure. */
#ifndef MILLRACE_RPC_FLIGHT_TABLE_H
#define MILLRACE_RPC_FLIGHT_TABLE_H

#include "base/hash.h"
#include "rpc/flight.h"

struct flight_table {
    struct hash_secret secret;
    struct flight **slots; /* chains by flight.same_slot */
    size_t n, mask;
};

void flight_table_init(struct flight_table *t, const struct hash_secret *secret);
void flight_table_deinit(struct flight_table *t); /* asserts that it is empty */

/* Makes the key of f: its chain, its text, and epochs: two counters that stand for all that must not have changed
 * between two questions that share an answer (0 where nothing of that kind matters).  Once for a flight. */
void flight_table_key(const struct flight_table *t, struct flight *f, uint64_t head_epoch, uint64_t write_epoch);
/* A flight with the same key as f, which has one; NULL: there is none. */
struct flight *flight_table_find(const struct flight_table *t, const struct flight *f);
void flight_table_add(struct flight_table *t, struct flight *f);
void flight_table_remove(struct flight_table *t, struct flight *f); /* fine when it is not there */

#endif
