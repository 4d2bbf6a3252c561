/* pool.h - the connections of one endpoint, counted and ordered: which idle one carries the next call, when to dial,
 * which to close. By value in its endpoint; borrows its members, which live in links.  Pure: the caller passes the time
 * and does the dialling. */
#ifndef MILLRACE_UPSTREAM_POOL_H
#define MILLRACE_UPSTREAM_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "upstream/endpoint_conf.h"

enum { POOL_SURPLUS_MS = 2000 };

enum pool_state { POOL_OUT, POOL_DIALLING, POOL_IDLE, POOL_BUSY };

struct pool_member {
    enum pool_state state;
    struct list node;
    uint64_t born_ms, since_ms; /* created; entered this state */
    uint64_t carried;           /* requests so far */
};

struct pool {
    const struct pool_conf *conf;
    struct list idle; /* longest idle first */
    struct list busy, dialling;
    unsigned n_idle, n_busy, n_dialling;
    unsigned max_busy;                    /* of calls on the wire; 0: no limit but sockets */
    uint64_t carried_new, carried_reused; /* requests on a fresh connection, and on one that carried some before */
    uint64_t opened, closed, dial_failed;
};

void pool_init(struct pool *p, const struct pool_conf *conf, unsigned max_inflight);
void pool_deinit(struct pool *p); /* asserts that it is empty */

void pool_add(struct pool *p, struct pool_member *m, uint64_t now_ms); /* as dialling */
void pool_remove(struct pool *p, struct pool_member *m);               /* whatever state; fine when out */

/* The idle connection for the next call, now busy; NULL: none, or max_inflight is reached.  fresh: only one that
 * carried nothing. */
struct pool_member *pool_take(struct pool *p, bool fresh, uint64_t now_ms);
/* A dialled or busy connection is free.  false: it must be closed (max_requests_per_socket, or max_idle is 0); it is
 * removed then.  More than max_idle may lie idle, but not for longer than POOL_SURPLUS_MS: a socket that the next burst
 * needs again is not closed between two of them. */
bool pool_give(struct pool *p, struct pool_member *m, uint64_t now_ms);

/* How many dials to start now for `waiting` calls, and to keep min_warm; at most what max_sockets leaves. */
unsigned pool_dials_wanted(const struct pool *p, unsigned waiting);

/* The next idle connection past its time-out, removed; NULL: none.  The last min_warm ones go too: servers close them
 * anyway, and a fresh one is dialled before it is needed. */
struct pool_member *pool_expire(struct pool *p, uint64_t now_ms);
uint64_t pool_next_expiry(const struct pool *p); /* ms; UINT64_MAX: none */
uint64_t pool_idle_since(const struct pool *p);  /* ms, of the longest idle one; UINT64_MAX: none */
/* The longest idle connection, removed, to make room for a fresh one; NULL: none. */
struct pool_member *pool_evict(struct pool *p);

static inline unsigned pool_sockets(const struct pool *p)
{
    return p->n_idle + p->n_busy + p->n_dialling;
}

#endif
