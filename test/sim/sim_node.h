/* sim_node.h - one simulated endpoint: parses what the gateway sends, answers late, in any order, or wrongly, and holds
 * the gateway to what it promises to endpoints.  Owned by the world. */
#ifndef SIM_NODE_H
#define SIM_NODE_H

#include "http/h1_server.h"
#include "sim_conn.h"
#include "sim_limit.h"
#include "sim_stray.h"
#include "sim_weather.h"

struct sim_stray {
    enum stray kind;
    bool once;                    /* it is over with the first that is told */
    uint64_t by;                  /* BEHIND: its head; else how far it is from the chain's */
    uint64_t late_us[HEAD_KINDS]; /* since when it says that it is too far behind; 0: it does not */
    struct sim_event change;
};

struct node {
    struct world *w;
    struct sim_chain *chain;
    unsigned index;
    char name[16];
    unsigned max_sockets, max_inflight; /* as configured; max_inflight 0: no limit */
    unsigned n_sockets, n_dials;        /* the gateway's: open ones, and dials under way */
    unsigned was_wire;                  /* calls on its links at the end of the last turn */
    unsigned n_inflight;                /* calls that it is working on */
    struct sim_limit limit;
    uint64_t mean_us;         /* of an answer's delay */
    unsigned lag;             /* heads behind the chain */
    unsigned unreplayed;      /* Solana: slots that it receives beyond its head */
    unsigned n_filters;       /* made so far */
    bool told[SIM_HEADS_MAX]; /* which heads it has answered, to who asked for its head */
    unsigned fault_permille;
    bool closes_idle;
    bool down;
    bool keyed;       /* its requests carry a token, another one from time to time */
    unsigned issued;  /* the number of the last one */
    unsigned left;    /* the highest that left for it */
    unsigned revoked; /* up to this one they are refused, where that is asked which may be asked again */
    unsigned revokes; /* and up to this one when the grace is over */
    struct sim_event rotation, grace;
    bool forwards;          /* it gets its clients' own credentials */
    bool pruned;            /* it lacks the state at old blocks */
    unsigned lack_serial;   /* the last time that it said so: the number of the answer, and 1; 0: never */
    unsigned lack_turns;    /* of the gateway's loop, since it has read that */
    bool foreign;           /* on another chain: nothing but the question for that may come */
    struct sim_event moves; /* to the right chain */
    struct sim_spell spell;
    struct sim_stray stray;
    uint64_t lost_us;                 /* when a request to it was last lost on its way */
    uint64_t rough_us;                /* when its spell last changed */
    unsigned fit_turns, barred_turns; /* so many turns of the gateway's loop it may get calls, or must get none */
    unsigned surplus_turns;           /* so many it keeps more idle sockets than max_idle for too long */
    unsigned unreplayed_turns;        /* so many it is known to be far behind what it receives */
    uint64_t fit_since_us;            /* the first of these turns */
    struct sim_event mood;            /* goes down, comes back, changes its lag */
    struct list conns;                /* struct node_conn */
    struct h1_server_conf http;
};

#define NODE_TOKEN "token-"
#define NODE_SCOPE "scope-"                         /* and one digit: a client's own */
enum { NODE_PORT = 9000 };                          /* of the first; the others follow */
enum { NODE_UNREPLAYED_FAR = SIM_HEADS_MAX + 300 }; /* more than a chain comes forward while it is asked */

/* It is on another chain than the one that is configured, for now or for good. */
void node_make_foreign(struct node *n);
/* sound: its head never strays. */
struct node *node_new(struct world *w, struct sim_chain *chain, unsigned index, bool sound);
void node_free(struct node *n);
struct node *node_at(struct world *w, unsigned port); /* NULL: none */
void node_rotate(struct node *n);                     /* from now on */
void node_issued(struct node *n);                     /* a token: the ones before hold for a little while */
bool node_is_down(const struct node *n);
struct stream *node_accept(struct node *n);              /* a connection of the gateway: its end */
void node_drop_conns(struct node *n, unsigned permille); /* of each connection: it is reset */
void node_departure(struct node *n, struct slice bytes); /* the gateway wrote these to it */

#endif
