/* worker.h - one event loop with everything on it: sessions, chains, their upstreams and links, and the flights between
 * them. Owns all of it; nothing is shared with other workers.  Handlers of events mark what is due, worker_drive does
 * it. */
#ifndef MILLRACE_GATEWAY_WORKER_H
#define MILLRACE_GATEWAY_WORKER_H

#include "base/gather.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/stats.h"
#include "config/config.h"
#include "gateway/access.h"
#include "http/h1_server.h"
#include "rpc/batch_answer.h"
#include "rpc/flight_table.h"
#include "rpc/message.h"
#include "rpc/scope.h"

struct chain;
struct dialer;
struct h1_response;
struct h1_server;
struct loop;
struct spare;

enum { WORKER_PARSERS = 64 }; /* request parsers kept for reuse */

struct worker {
    const struct config *conf;
    struct loop *loop;
    struct dialer *dialer;
    struct spare *spare; /* of answers that are read in several pieces */

    struct chain **chains;
    size_t n_chains;
    struct chain *default_chain;

    struct list sessions;
    unsigned n_sessions, n_sessions_service;
    struct list dirty;   /* sessions with something to send */
    struct list ready;   /* upstreams with something to do */
    struct list torn;    /* exchange.unit.torn: arrays with calls to be asked again */
    struct list starved; /* upstreams that wait for a socket of the common maximum */
    struct list lanes;   /* broadcasts: gateway/broadcast_lane.h */
    struct list parked;  /* flights with several waiters, all of whom hold too much */
    struct list stalled; /* links that are not read for the same reason */
    struct flight_table flights;
    struct scopes scopes;      /* of clients' own credentials, where these are forwarded */
    struct heap flights_due;   /* flight.due */
    struct heap sessions_due;  /* session.due */
    struct heap upstreams_due; /* upstream.due */
    unsigned n_flights;        /* in existence */
    unsigned n_waiting;        /* calls that wait for flights: the bound of either is max_inflight_calls */
    size_t bodies_bytes;       /* of requests that arrive or are under way: their bound is max_bodies_bytes */
    unsigned n_sockets;        /* upstream connections, dialling ones included */
    unsigned n_stalled;        /* of these, not read for want of room at clients */
    uint64_t next_id;          /* of flights */
    uint64_t random;           /* for jitter */
    bool draining;
    uint64_t drain_until_ms;
    unsigned max_descriptors; /* 0: not known */
    unsigned descriptors_low;
    uint64_t due_ms;                    /* the earliest of the heaps' deadlines, as of the end of the last turn */
    uint64_t clock_us;                  /* of this loop turn; 0: not read yet */
    int64_t wall_ms;                    /* the wall clock, about a second old at most while there is work: since 1970 */
    uint64_t wall_told_ms;              /* when the limits of endpoints were told of it last */
    const struct h1_response *response; /* that is being taken, with its body; NULL: none */
    uint64_t started_ms;
    int64_t started_unix_s;

    struct mem_pool flight_pool, exchange_pool, session_pool, link_pool;
    struct h1_server *parsers[WORKER_PARSERS];
    unsigned n_parsers;
    struct h1_server_conf http;
    struct access access;
    struct message_body body;         /* the body being scanned */
    struct gather gather;             /* the write being put together */
    struct batch_answer batch_answer; /* the array being matched */
    bool batch_failed;                /* it has counted as a failure of its endpoint */
    char *batch_body;                 /* the request of several flights being written */
    size_t batch_body_cap;
    struct flight **boarding; /* those that depart together */
    unsigned boarding_cap;
    uint64_t date_until_ms; /* how long date_line holds, by the loop's clock */
    char date_line[48];     /* "Date: ...\r\n" */
    size_t date_n;
    char head_line[160]; /* of the usual answer: status 200, that date, JSON, up to "Content-Length: " */
    size_t head_n;

    struct stats stats;
    uint64_t failures[FAIL_COUNT]; /* answers of ours, by reason */
};

/* NULL: an endpoint cannot be set up (TLS files, proxy); what and why was logged. */
struct worker *worker_new(const struct config *conf, struct loop *loop);
struct worker *worker_free(struct worker *w); /* after worker_closed */

void worker_start(struct worker *w); /* begins to warm connections */
void worker_drive(struct worker *w); /* the end of a loop turn */

/* Stops taking requests on idle connections, lets what is in flight end until deadline_ms, then closes everything. */
void worker_drain(struct worker *w, uint64_t deadline_ms);
void worker_close(struct worker *w); /* now */
bool worker_closed(const struct worker *w);

/* Near the descriptor limit: answers say Connection: close. Envoy's threshold of 92 %. */
static inline bool worker_low_on_descriptors(const struct worker *w)
{
    return w->n_sessions + w->n_sockets >= w->descriptors_low;
}

/* No further call may be taken. */
static inline bool worker_is_overloaded(const struct worker *w)
{
    const struct limits_conf *most = &w->conf->limits;

    return w->n_flights >= most->max_inflight_calls || w->n_waiting >= most->max_inflight_calls ||
           w->bodies_bytes > most->max_bodies_bytes;
}

uint64_t worker_now_ms(const struct worker *w);
uint64_t worker_clock_us(struct worker *w); /* read once a turn */

uint32_t worker_random(struct worker *w); /* for jitter and draws, not for secrets */

struct flight *worker_flight_new(struct worker *w);
void worker_flight_free(struct worker *w, struct flight *f);

#endif
