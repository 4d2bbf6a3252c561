/* sim_world.h - one seeded run: virtual time, chance, and the queue of what happens next.  Everything that varies comes
 * from the seed, so a seed is a run.  Time is in us since the start of the run. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/slice.h"
#include "sim_clock.h"
#include "upstream/head.h"

/* By value in its owner, zeroed; in the queue at most once. */
struct sim_event {
    struct heap_node node;
    void (*fire)(struct sim_event *e);
};

enum { SIM_SERVED_MAX = 65536, SIM_CHAINS = 2, SIM_NODES_MAX = 6, SIM_COUNTS_MAX = 64, SIM_HEADS_MAX = 8192 };

enum { SIM_SLOWLY = 20 /* so many times slower are chains in bad weather */, SIM_WRONG_MAX = 128, SIM_ROLLS = 8 };

enum { SIM_SCOPES = 4, SIM_NO_SCOPE = SIM_SCOPES }; /* clients' own credentials: 0 is to have none */

/* What one question was answered with upstream: its serial number is in the answer, so each answer that a client gets
 * says which request brought it. */
struct sim_served {
    uint64_t hash;               /* of the question: see ask_hash */
    uint64_t at_us;              /* when the endpoint got the request */
    const struct sim_conn *conn; /* that it came on */
    uint8_t rank, asks; /* of the error that it was answered with, see sim_error.def; 0: it was none of these */
    bool batched;       /* it came with others */
    bool written;       /* the answer, all of it */
    bool dated;         /* by the gateway: it knows how old the block is that the question names */
    bool pruned;        /* the answer: that it is too old */
    uint64_t left_us;   /* when the gateway wrote the request */
    uint64_t head;      /* of the endpoint at that moment */
    unsigned shown;     /* how many calls were answered with it */
    unsigned node;      /* by which endpoint */
    unsigned scope; /* of the client whose credential the request carried; SIM_NO_SCOPE: it carries none of theirs */
};

struct sim_wrong { /* a head that an endpoint made up, and when it did first */
    uint64_t number, us;
};

struct sim_chain {
    unsigned index;
    const char *name;
    bool evm;
    uint64_t head;
    uint64_t told_us[SIM_HEADS_MAX]; /* when an endpoint first gave an answer at that head; 0: never */
    uint64_t first_head;             /* no endpoint is below, unless it strays */
    uint64_t top;                    /* the highest that it was ever at */
    uint64_t announced;              /* the highest head that a client was told by eth_blockNumber or getSlot */
    uint64_t block_us;
    unsigned hedge_percent; /* of its calls that may be asked a second time, elsewhere */
    unsigned asked, hedged; /* calls of clients; of the gateway's requests, those that were such */
    uint64_t hedge_id;      /* of the last of them */
    unsigned extras;        /* attempts beyond the first, of all calls, that are not free */
    unsigned short_pauses;  /* in a row, before an endpoint was asked again */
    uint64_t poor_us;       /* when there was hardly anything left of the budget for retries, the last time */
    struct sim_event tick;
    /* Where heads go astray, see sim_stray.h: */
    unsigned lag_conf; /* max_lag_blocks; 0: not configured */
    uint64_t max_lag;
    uint64_t rolled_us;            /* when it was last rolled back; 0: never */
    uint64_t rolled_to[SIM_ROLLS]; /* where to, each time: later blocks have other hashes since then */
    unsigned n_rolls;
    uint64_t told_top[HEAD_KINDS]; /* the highest that was told since then */
    uint64_t known_us[HEAD_KINDS]; /* when the gateway first was sure of a head; 0: not yet */
    uint64_t wrong_us;             /* when the first one was, be it beside another answer; 0: none was */
    struct sim_wrong wrong[SIM_WRONG_MAX];
    unsigned n_wrong;
    bool fooled; /* the gateway heard of nothing else for a while */
    struct sim_event roll;
};

/* How a run is: drawn once from the seed. */
struct sim_profile {
    bool calm;  /* endpoints make no mistakes and bounds are wide: every call must get its result */
    bool roomy; /* sockets for everybody */
    bool lag;   /* endpoints may be behind the chain's head */
    bool mixed; /* some endpoints are on another chain than their configuration says */
    bool coalesce, cache;
    bool limited;         /* endpoints have rate limits */
    bool usual;           /* many questions of a kind, so that it is known how long an answer takes */
    bool scoped;          /* some endpoints get their clients' own credentials */
    bool named;           /* some requests name their endpoint */
    bool swarm;           /* clients who all ask the same few questions, and often leave */
    bool weather;         /* endpoints fare badly, and then well again: see sim_weather.h */
    bool spells;          /* of the endpoints */
    bool astray;          /* their heads are wrong for a while: see sim_stray.h */
    bool jumps;           /* so do the clocks */
    bool unknown_retried; /* unknown methods are asked again where they were refused */
    bool pruned;          /* some endpoints lack old blocks */
    bool deaf;            /* clients who ask for much and read nothing, beside others, where connections are few */
    unsigned fault_permille;
    unsigned clients, posts; /* and posts of each client */
    unsigned call_timeout_ms;
    unsigned max_inflight_calls, max_batch_calls, max_upstream_sockets;
    unsigned max_client_buffer_bytes;
    enum { END_QUIET, END_DRAIN, END_CLOSE } end;
    uint64_t end_us; /* with END_DRAIN and END_CLOSE: when */
};

struct sim_write { /* a transaction, by its number */
    const struct sim_chain *chain;
    uint64_t drawn_us;
    unsigned asked;                 /* how many broadcasts of it there may be */
    unsigned scopes;                /* bit per scope of the clients that sent it */
    unsigned last_post;             /* the last request of a client that held it */
    uint64_t taken_us;              /* when the first endpoint got it */
    uint8_t left[SIM_NODES_MAX];    /* how often its bytes left for each endpoint */
    uint8_t arrived[SIM_NODES_MAX]; /* and how often they arrived there as a request */
    uint8_t sum[32];                /* as struct ask's */
};

struct sim_filter { /* one that an endpoint has made */
    unsigned node, own;
    uint64_t hash; /* of the question that it was made for */
    unsigned served;
    unsigned given; /* number of the name that a client has it by, and 1; 0: not known */
    bool lost;      /* its endpoint was down */
};

struct sim_given { /* the name of a filter that a client was given */
    const struct sim_chain *chain;
    char text[40];
    uint64_t hash;
    unsigned asked;
    unsigned scope;  /* of the client that it was given to */
    unsigned filter; /* its number, and 1; 0: not known yet */
};

/* What befalls the endpoints and the clocks for a while: see sim_weather.h. */
struct sim_weather {
    uint64_t fair_us;  /* when that is over */
    uint64_t calm_us;  /* from then on each call must get its result; 0: not yet known */
    uint64_t leapt_us; /* when a clock of the gateway last did what clocks should not */
    unsigned asks;     /* of who asks until all is well again */
    struct sim_event clock, settle;
};

struct node;
struct client;
struct sim_conn;
struct sim_try;
struct worker;
struct loop;
struct config;

struct world {
    uint64_t seed, rng, now_us;
    uint64_t steps;
    bool trace;
    struct heap queue;
    struct sim_profile p;
    struct sim_clock clock;
    struct sim_weather weather;
    uint64_t last_turn_us; /* by the gateway's clock */
    uint64_t last_turn_id; /* the next that the gateway was to give then */
    struct sim_chain chains[SIM_CHAINS];
    unsigned n_chains;
    struct node *nodes[SIM_NODES_MAX];
    unsigned n_nodes;
    struct client **clients;
    unsigned n_clients, n_clients_done;
    struct list conns;
    unsigned n_streams; /* of the gateway: not closed yet */
    unsigned n_dials;   /* of the gateway: under way */
    struct sim_served *served;
    unsigned n_served;
    struct sim_write *writes;
    unsigned n_writes, cap_writes;
    unsigned n_posts;      /* requests of clients */
    struct sim_try *tries; /* by id of the gateway */
    uint64_t n_tries;
    struct sim_filter *filters;
    unsigned n_filters, cap_filters;
    struct sim_given *given;
    unsigned n_given, cap_given;
    struct sim_count { /* how often a question that must not be shared was asked here, and upstream */
        uint64_t hash;
        unsigned asked, served;
    } counts[SIM_COUNTS_MAX];
    unsigned n_counts;
    uint64_t next_number; /* for what must be distinct */
    unsigned warm_left;   /* while the configuration is drawn: what max_upstream_sockets leaves for min_warm */
    struct loop *loop;
    struct worker *gateway;
    struct config *conf;
    bool ending;                      /* draining or closed: calls may go unanswered */
    bool closed;                      /* and nothing is left of it */
    uint64_t calls, answers, results; /* asked, answered, answered with the result */
};

/* 0..n-1 */
uint64_t sim_rnd(struct world *w, uint64_t n);
bool sim_chance(struct world *w, unsigned permille);
/* Around mean, with a tail: some are ten times as long. */
uint64_t sim_delay_us(struct world *w, uint64_t mean_us);

void sim_at(struct world *w, struct sim_event *e,
            uint64_t at_us); /* sets or moves; events of one moment come in any order */
void sim_soon(struct world *w, struct sim_event *e, uint64_t in_us);
void sim_cancel(struct world *w, struct sim_event *e); /* fine when not set */
bool sim_step(struct world *w);                        /* the next event; false: there is none */

/* The run is wrong: says so with the seed and how to see it again, and ends the process. */
void sim_fail(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));
#define sim_check(w, cond, ...)                                                                                        \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            sim_fail(w, __VA_ARGS__);                                                                                  \
    } while (0)

void sim_trace_(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define sim_trace(w, ...)                                                                                              \
    do {                                                                                                               \
        if ((w)->trace)                                                                                                \
            sim_trace_(w, __VA_ARGS__);                                                                                \
    } while (0)

#endif
