/* standing.h - how the endpoints of a chain stand: judged on every answer and failure (rpc/classify says what each
 * means), asked for every choice.  By value in its chain; its parts are the pure cores health, latency, breaker and
 * budget. */
#ifndef MILLRACE_GATEWAY_STANDING_H
#define MILLRACE_GATEWAY_STANDING_H

#include "rpc/classify.h"
#include "upstream/budget.h"
#include "upstream/health.h"
#include "upstream/latency.h"

struct chain;
struct flight;
struct route_failure;
struct upstream;
struct worker;

enum { STANDING_LACK_MS = 600000 /* a method that an endpoint lacks is asked for there again after so long */ };

struct standing {
    struct health *health;      /* by upstream */
    struct health_peers *peers; /* by the first upstream of each tier */
    unsigned char *peers_at;    /* by upstream: where those of its tier are */
    struct latency_table latency;
    struct budget retries;
    struct budget lookups; /* of these, for what was answered with null */
    struct budget_conf lookups_conf;
    uint64_t *heard_us; /* by upstream: when it answered last */
    uint64_t looked_ms, refreshed_ms;
    struct standing_lack {
        uint64_t never;     /* endpoints that do not have the method, as configured */
        uint64_t endpoints; /* that said so */
        uint64_t until_ms;
    } * lacks; /* by method slot */
};

void standing_init(struct chain *c);
void standing_deinit(struct chain *c);

/* A call sets out: it earns its part of a retry, and is the occasion to look at what has been under way for long. */
void standing_called(struct chain *c, const struct flight *f);
/* Time alone makes what failed well again: brings weights up to date where no answers come. */
void standing_refresh(struct chain *c);
/* The answer of f->upstream to f.  What it means; the endpoint is judged by it. */
enum answer_class standing_answered(struct worker *w, struct flight *f, bool is_error, struct slice payload);
/* It answered f with an error because f shared a request, or because of the moment: f is asked again, alone. */
void standing_refused(struct flight *f, struct slice error);
/* f->upstream gave no answer to f. */
enum answer_class standing_failed(struct worker *w, struct flight *f, const struct route_failure *why);
/* What an endpoint refuses its client's own credential, or one of ours that is replaced, says nothing of what it would
 * answer others: nothing is learned of it. */
bool standing_excuses(const struct flight *f, enum answer_class class);
/* f was answered elsewhere: what `blamed` endpoints said before was their own fault. */
void standing_blame(struct chain *c, uint64_t blamed);
/* f has waited for its answer longer than most, and goes on: f->upstream is slow already. */
void standing_late(struct worker *w, const struct flight *f);
/* f queues at u, which is down: it may be the trial. */
void standing_depart(struct upstream *u, struct flight *f);
/* Endpoint i is so many blocks behind; it replays so many slots behind what it receives. */
void standing_lags(struct chain *c, unsigned i, uint64_t blocks);
void standing_replays(struct chain *c, unsigned i, uint64_t slots);
/* f leaves f->upstream, or is dropped, and nothing was learned. */
void standing_left(struct flight *f);

void standing_reauthorized(struct upstream *u); /* it has another credential: a refusal of the last one is forgotten */
void standing_dialled(struct upstream *u);
void standing_not_dialled(struct upstream *u); /* endpoint.last_fail and last_text say why */

/* Endpoints that lack the method. */
uint64_t standing_lacking(const struct chain *c, const struct method *m);
/* Endpoints that a call may go to now, as far as their standing is concerned. */
uint64_t standing_usable(const struct chain *c);

#endif
