/* upstream.h - an endpoint on a worker: the calls that wait for it, its links, and when it wants attention.
 * Owned by its chain; borrows waiting flights. */
#ifndef MILLRACE_GATEWAY_UPSTREAM_H
#define MILLRACE_GATEWAY_UPSTREAM_H

#include "base/heap.h"
#include "base/list.h"
#include "gateway/watch.h"
#include "io/dial.h"
#include "upstream/concurrency.h"
#include "upstream/crowd.h"
#include "upstream/endpoint.h"
#include "upstream/priority.h"
#include "upstream/probe.h"

struct auth;
struct chain;
struct flight;
struct route_failure;
struct worker;

struct upstream {
    struct endpoint endpoint;
    struct probe probe; /* is it on its chain? */
    struct watch watch;
    /* Each word of it about the head that calls ask for has been too far behind since; 0: not the last one. */
    uint64_t behind_since_ms;
    struct worker *worker;
    struct chain *chain;
    unsigned index;                /* in its chain */
    struct priority_queue waiting; /* flights */
    unsigned n_waiting;
    unsigned n_solo;                    /* of these, calls that share a request with no others */
    unsigned n_fresh;                   /* and those that need a connection that carried nothing */
    unsigned n_wire;                    /* calls on links */
    unsigned max_wire;                  /* the most of these, now: gateway/flow.h; 0: no limit */
    unsigned n_busy_solo;               /* links that carry one that shares with no others */
    unsigned n_stalled, n_stalled_solo; /* of all links, and of these: not read for want of room at clients */
    uint64_t dial_us;                   /* how long opening a connection takes, lately; 0: not known */
    uint64_t again_us;                  /* boarding wants to look again after so long; UINT64_MAX: no */
    bool shut;                          /* its limit lets nobody depart now */
    enum limiter_why shut_why;          /* when it did so last */
    uint64_t shut_us;
    uint64_t offered_us, said_us; /* when those who wait were offered to others last; when its limit was last logged */
    uint32_t *units;              /* what a call costs, by method slot; owned; NULL: no limit counts that */
    struct list ready;            /* in worker.ready */
    struct list starved;          /* in worker.starved: wants to dial, but max_upstream_sockets is reached */
    struct concurrency concurrency; /* where max_wire is adaptive */
    struct crowd crowd;             /* what it refused bounds max_wire */
    struct heap_node due;           /* idle time-outs, end of back-off */
    uint64_t warm_after_ms; /* no warming before that: a server that drops idle connections at once is not hammered */
    struct flight *trial;   /* the call that tries it while its breaker is not closed; NULL: none */
    struct auth *auth;      /* NULL: its credential does not change */
    struct tls *tls;
    struct dial_target target;
    struct url proxy;
    char *proxy_auth, *connect_target;
};

struct upstream *upstream_new(struct chain *c, unsigned index, const struct endpoint_conf *conf);
struct upstream *upstream_free(struct upstream *u);

void upstream_start(struct upstream *u); /* begins to warm connections, and sees to its credential */

/* Queues a flight here. false: the queue is full. front: before all others (it has been under way already). */
bool upstream_enqueue(struct upstream *u, struct flight *f, bool front);
void upstream_enqueue_own(struct upstream *u, struct flight *f, bool front); /* a question of ours: there is a place */
void upstream_requeue(struct flight *f);      /* back to the front of its queue, where it has had its place before */
void upstream_requeue_last(struct flight *f); /* or behind all others */
void upstream_dequeue(struct flight *f);      /* parked ones too; fine when it is not queued */

void upstream_mark(struct upstream *u);     /* something changed: dispatch at the end of the turn */
void upstream_dispatch(struct upstream *u); /* pairs waiting flights with links, dials what is wanted */
void upstream_due(struct upstream *u);      /* its time has come */

/* Those who wait move on, or fail with `why`. */
void upstream_release_waiting(struct upstream *u, const struct route_failure *why);
/* Those who wait could be served by the sockets that are left; they move to where they are served sooner, if there is
 * such a place. */
void upstream_offer_waiting(struct upstream *u);

/* A dial ended. r->stream is taken over by the link. */
void upstream_dialled(struct upstream *u, const struct dial_result *r);
/* Its requests carry another credential from now on, or none can be made: idle links that an older one went over are
 * closed, and those who wait are looked at again. */
void upstream_reauthorized(struct upstream *u);
/* A link is gone, or has become free. */
void upstream_link_lost(struct upstream *u, bool never_used);

/* A socket was closed or became idle: whoever could not dial for want of one of max_upstream_sockets tries again. */
void upstream_feed_starved(struct worker *w);
/* Another upstream has calls waiting and not one socket, because max_upstream_sockets is reached: one of this is better
 * closed. */
bool upstream_must_yield(const struct upstream *u);

/* For people: "up", "down" or "refused"; and why it is not up: it is on another chain, it lacks a credential, or its
 * last dial failed.  FAIL_NONE: it is up. */
enum { UPSTREAM_WHY_CAP = 160 };
const char *upstream_state(const struct upstream *u);
enum fail upstream_why(const struct upstream *u, char text[UPSTREAM_WHY_CAP]);

/* It gets no calls, or one to see. */
static inline bool upstream_is_down(const struct upstream *u)
{
    return u->endpoint.breaker.state != BREAKER_CLOSED;
}

/* Would one more call be refused? */
bool upstream_is_full(const struct upstream *u);
/* Could one more call depart here without waiting for others? */
bool upstream_has_room(const struct upstream *u);
void upstream_close(struct upstream *u); /* all links; waiting flights must be gone */

#endif
