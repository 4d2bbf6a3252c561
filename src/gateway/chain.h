/* chain.h - one chain: its upstreams, whose turn it is, and its numbers by method.  Owned by the worker. */
#ifndef MILLRACE_GATEWAY_CHAIN_H
#define MILLRACE_GATEWAY_CHAIN_H

#include "base/hist.h"
#include "config/config.h"
#include "gateway/heads.h"
#include "gateway/hedge_lane.h"
#include "gateway/old_blocks.h"
#include "gateway/rules.h"
#include "gateway/standing.h"
#include "gateway/upstream.h"
#include "upstream/head.h"
#include "upstream/past.h"
#include "upstream/pick.h"
#include "upstream/probe.h"

struct method_stats {
    uint64_t calls, rpc_errors, failures;
    uint64_t coalesced;  /* joined a flight that was in the air already */
    struct hist latency; /* from the client's request to the answer, in us */
};

/* What the configuration answers: only once every endpoint has agreed. */
struct chain_answer {
    const struct method *method; /* NULL: none */
    struct blob *answer;
};

enum { CHAIN_ANSWERS = 2 };

struct chain {
    const struct chain_conf *conf;
    struct worker *worker;
    unsigned index; /* in its worker */
    struct upstream **upstreams;
    unsigned n_upstreams;
    struct head head;
    struct heads heads;         /* what each upstream said of it */
    unsigned char *head_places; /* enum head_place, by method slot */
    uint64_t write_epoch;       /* how often a transaction left, or was accepted */
    uint64_t broadcast;         /* bit per upstream that transactions go to */
    struct pick_item *turns;    /* one an upstream; weight is that of the configuration times its health */
    struct standing standing;
    struct hedging hedging;
    uint64_t forwards;          /* bit per upstream that gets a client's own Authorization */
    struct probe_expect expect; /* who its endpoints should say they are */
    uint64_t refused;           /* bit per upstream that is on another chain: nothing goes there */
    uint64_t avoid;             /* those too that would not say: only where there is nobody else */
    struct probe_final final;
    struct past past; /* of what is final */
    struct chain_answer answers[CHAIN_ANSWERS];
    uint64_t answered_itself;
    struct method_stats **methods; /* by method slot; NULL until the first call */
    struct rules rules;
    struct filters *filters; /* NULL until there is one that needs to be known */
    struct cache *cache;     /* NULL: nothing is kept */
    struct old_blocks old;   /* who lacks them */
};

struct chain *chain_new(struct worker *w, const struct chain_conf *conf);
struct chain *chain_free(struct chain *c);

struct method_stats *chain_method(struct chain *c, const struct method *m);
/* What this chain does with calls of a method; good for as long as the chain is. */
static inline const struct method_rule *chain_rule(const struct chain *c, struct slice method_name)
{
    return rules_get(&c->rules, method_name);
}
/* Whether it answers by itself what the configuration tells. */
void chain_answer_itself(struct chain *c, bool on);
/* The configuration's answer to a method without params; NULL: an endpoint is to be asked. */
static inline struct blob *chain_own_answer(const struct chain *c, const struct method *m)
{
    return m == c->answers[0].method ? c->answers[0].answer : m == c->answers[1].method ? c->answers[1].answer : NULL;
}
static inline bool chain_refuses_all(const struct chain *c)
{
    return c->refused && c->refused == UINT64_MAX >> (64 - c->n_upstreams);
}
/* An endpoint says where the head is. */
void chain_note_head(struct chain *c, enum head_kind kind, uint64_t number);
/* The chain was set back: its head of that kind is `number`, and what was known and kept is of another past. */
void chain_set_back(struct chain *c, enum head_kind kind, uint64_t number);
/* What was final is not what it was, or not there, as `u` says: nothing that was kept is sure.  proven: it has another
 * hash, so that of a chain with one endpoint nothing at all is sure. */
void chain_past_changed(struct chain *c, const struct upstream *u, bool proven);
/* Is there an upstream that is not known to be down, or refused? reason: of one that is, when there is none. */
bool chain_ready(const struct chain *c, const struct upstream **down);

#endif
