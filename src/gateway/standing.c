#include "gateway/standing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/plant.h"
#include "gateway/chain.h"
#include "gateway/flow.h"
#include "gateway/limits.h"
#include "gateway/link.h"
#include "gateway/route.h"
#include "gateway/vigil.h"
#include "gateway/worker.h"
#include "rpc/error.h"
#include "rpc/flight.h"

enum { LOOK_MS = 8 /* how often what is under way is looked at, while calls come */ };

/* Of what a retry may cost, half at most goes to look-ups that were answered with null: those who poll for what is not
 * there yet would leave nothing for failures. */
static struct budget_conf lookups_conf(const struct chain *c)
{
    struct budget_conf conf = c->conf->retry.budget;

    conf.percent = (conf.percent + 1) / 2;
    conf.floor = (conf.floor + 1) / 2;
    conf.saved /= 2;
    conf.first /= 2;
    return conf;
}

/* Those that have no tracing methods. */
static void init_lacks(struct chain *c)
{
    uint64_t untraced = 0;

    for (unsigned i = 0; i < c->n_upstreams; i++)
        untraced |= (uint64_t)!c->conf->endpoints[i].trace << i;
    for (unsigned i = 0; i < method_slots(); i++)
        if (c->conf->family == CHAIN_EVM && archive_kind_of(method_at(i)) == ARCHIVE_TRACE)
            c->standing.lacks[i].never = untraced;
}

void standing_init(struct chain *c)
{
    struct standing *s = &c->standing;
    uint64_t now_ms = worker_now_ms(c->worker);
    unsigned n = c->n_upstreams;

    s->health = mem_array(n, sizeof *s->health);
    s->peers = mem_array(n, sizeof *s->peers);
    s->peers_at = mem_array(n, 1);
    s->heard_us = mem_array(n, sizeof *s->heard_us);
    s->lacks = mem_array(method_slots(), sizeof *s->lacks);
    init_lacks(c);
    latency_table_init(&s->latency, method_slots(), n);
    budget_init(&s->retries, &c->conf->retry.budget, now_ms);
    s->lookups_conf = lookups_conf(c);
    budget_init(&s->lookups, &s->lookups_conf, now_ms);
    for (unsigned i = 0; i < n; i++) {
        unsigned first = 0;

        health_init(&s->health[i], now_ms);
        while (c->turns[first].tier != c->turns[i].tier)
            first++;
        s->peers_at[i] = (unsigned char)first;
        s->peers[first].members |= UINT64_C(1) << i;
        c->turns[i].weight = health_weight(&s->health[i], c->conf->endpoints[i].weight);
    }
}

void standing_deinit(struct chain *c)
{
    struct standing *s = &c->standing;

    if (!s->health)
        return;
    latency_table_deinit(&s->latency);
    free(s->health);
    free(s->peers);
    free(s->peers_at);
    free(s->heard_us);
    free(s->lacks);
}

/* -- what is known of the endpoint changes */

static void say_down(const struct upstream *u, bool refused)
{
    const struct endpoint *e = &u->endpoint;
    char reason[ERROR_REASON_CAP];

    error_reason(e->last_fail, reason);
    if (refused)
        log_event(LOG_ERROR, "endpoint_refused_credential", LOG_S("chain", u->chain->conf->name),
                  LOG_S("endpoint", e->conf->name), LOG_S("url", e->redacted), LOG_S("why", e->last_text));
    else
        log_event(LOG_WARN, "endpoint_down", LOG_S("chain", u->chain->conf->name), LOG_S("endpoint", e->conf->name),
                  LOG_S("url", e->redacted), LOG_S("reason", reason), LOG_S("why", e->last_text));
}

static void tell(struct upstream *u, enum breaker_news news)
{
    switch (news) {
    case BREAKER_NO_NEWS:
        return;
    case BREAKER_HAS_CLOSED:
        u->endpoint.last_fail = FAIL_NONE;
        log_event(LOG_INFO, "endpoint_up", LOG_S("chain", u->chain->conf->name),
                  LOG_S("endpoint", u->endpoint.conf->name));
        break;
    case BREAKER_HAS_OPENED:
    case BREAKER_IS_DISABLED:
        say_down(u, news == BREAKER_IS_DISABLED);
        u->endpoint.stats.opened++;
        upstream_offer_waiting(u);
        break;
    }
    upstream_mark(u);
}

/* text: what is known better than the class says it; may be NULL. */
static void keep_reason(struct endpoint *e, enum fail fail, enum answer_class class, const char *text, unsigned status)
{
    if (!text)
        text = answer_meaning(class)->text;
    e->last_fail = fail;
    if (status && status != 200)
        snprintf(e->last_text, sizeof e->last_text, "HTTP status %u: %s", status, text);
    else
        snprintf(e->last_text, sizeof e->last_text, "%s", text);
}

static bool trial_ends(struct flight *f)
{
    bool trial = f->trial;

    f->trial = false;
    if (trial)
        f->upstream->trial = NULL;
    return trial;
}

void standing_depart(struct upstream *u, struct flight *f)
{
    if (!breaker_depart(&u->endpoint.breaker, &u->chain->conf->breaker, worker_now_ms(u->worker)) &&
        !(planted(PLANT_TRIALS_MANY) && u->endpoint.breaker.state == BREAKER_TRIAL))
        return;
    if (u->trial && !planted(PLANT_TRIALS_MANY)) /* a dial has failed since, or it takes too long: the new one counts */
        u->trial->trial = false;
    u->trial = f;
    f->trial = true;
}

/* status: a refusal in words alone may be about the call; the status is the server's own word. */
static void judge_breaker(struct worker *w, struct flight *f, const struct answer_meaning *a, unsigned status)
{
    struct upstream *u = f->upstream;
    struct breaker *b = &u->endpoint.breaker;
    const struct breaker_conf *conf = &u->chain->conf->breaker;
    uint64_t now_ms = worker_now_ms(w);
    bool trial = trial_ends(f); /* also of one that another call, or a connection, has ended since */

    if (b->state == BREAKER_CLOSED && !b->failures && a->harm != HARM_HARD && a->park != PARK_CREDENTIAL)
        return;
    if (a->park == PARK_CREDENTIAL && (status == 401 || status == 403))
        tell(u, breaker_failed(b, conf, BREAKER_REFUSED, trial, now_ms, worker_random(w)));
    else if (a->harm == HARM_HARD || a->park == PARK_CREDENTIAL)
        tell(u, breaker_failed(b, conf, BREAKER_NO_ANSWER, trial, now_ms, worker_random(w)));
    else
        tell(u, breaker_succeeded(b, trial && !planted(PLANT_TRIAL_UNHEARD), now_ms));
}

static enum health_outcome outcome_of(const struct answer_meaning *a)
{
    if (a->harm == HARM_HARD)
        return HEALTH_HARD;
    if (planted(PLANT_REVERT_BLAMED) && a == answer_meaning(ANSWER_DETERMINISTIC))
        return HEALTH_SOFT;
    if (a->park == PARK_METHOD || a->park == PARK_ENDPOINT || a->park == PARK_QUOTA)
        return HEALTH_THROTTLED;
    return a->harm == HARM_SOFT ? HEALTH_SOFT : HEALTH_OK;
}

static struct health_peers *peers_of(struct standing *s, unsigned i)
{
    return &s->peers[s->peers_at[i]];
}

static void weigh(struct chain *c, unsigned i)
{
    c->turns[i].weight = (c->conf->routing == ROUTING_FASTEST ? health_weight_sound : health_weight)(
        &c->standing.health[i], c->conf->endpoints[i].weight);
}

void standing_lags(struct chain *c, unsigned i, uint64_t blocks)
{
    struct standing *s = &c->standing;

    health_lag(s->health, i, peers_of(s, i), blocks, c->heads.conf.max_lag, worker_now_ms(c->worker));
    weigh(c, i);
}

void standing_replays(struct chain *c, unsigned i, uint64_t slots)
{
    struct standing *s = &c->standing;

    health_replay(s->health, i, peers_of(s, i), slots, c->heads.max_shred_lag, worker_now_ms(c->worker));
    weigh(c, i);
}

static void judge_health(struct chain *c, unsigned i, enum health_outcome outcome, int32_t slower)
{
    struct standing *s = &c->standing;

    health_note(s->health, i, peers_of(s, i), outcome, slower, worker_now_ms(c->worker));
    weigh(c, i);
}

/* A question of ours that is not needed: who refuses it, in whatever way, is none the worse for it. */
static bool is_of_no_account(const struct flight *f, enum answer_class class)
{
    if (f->part != FLIGHT_PROBE || f->trial || limits_is_refusal(class) || class == ANSWER_TRANSPORT ||
        class == ANSWER_UNREACHED)
        return false;
    return f->leg == PROBE_SHREDS || (f->leg == PROBE_SYNC && answer_meaning(class)->park == PARK_CREDENTIAL);
}

bool standing_excuses(const struct flight *f, enum answer_class class)
{
    const struct endpoint_conf *conf = f->upstream->endpoint.conf;
    const struct answer_meaning *a = answer_meaning(class);

    if (is_of_no_account(f, class))
        return true;
    if (a->park == PARK_CREDENTIAL)
        return conf->forward_authorization || f->old_credential;
    return f->scope && conf->forward_authorization && a->harm == HARM_NONE &&
           (a->park != PARK_NONE || a->learn != LEARN_NOTHING);
}

static void learn_limit(struct worker *w, struct flight *f, enum answer_class class, const struct error_object *e)
{
    if (!limits_is_refusal(class) || !standing_excuses(f, class))
        limits_learn(w, f, class, e);
}

/* On Solana a node without history says so of methods that name no slot (agave's TransactionHistoryNotAvailable); but
 * getSignatureStatuses, without options to tell, is answered as long as nobody asks for what is old. */
static bool shows_lack(const struct flight *f, const struct answer_meaning *a)
{
    if (f->method->wild)
        return false;
    return a->learn == LEARN_NO_METHOD || (a->learn == LEARN_NO_ARCHIVE && f->chain->conf->family == CHAIN_SOLANA &&
                                           !f->depth && f->method->ref != METHOD_REF_NO);
}

static void judge(struct worker *w, struct flight *f, enum answer_class class, unsigned status, bool timed)
{
    struct chain *c = f->chain;
    struct upstream *u = f->upstream;
    const struct answer_meaning *a = answer_meaning(standing_excuses(f, class) ? ANSWER_DETERMINISTIC : class);
    int32_t slower = HEALTH_NO_LATENCY;

    judge_breaker(w, f, a, status);
    flow_note(u, f, class, timed);
    if (timed && c->n_upstreams > 1) {
        uint64_t now_us = worker_clock_us(w), us = now_us - f->sent_us;

        latency_peak_note(&u->endpoint.peak, us, now_us);
        slower = latency_table_note(&c->standing.latency, f->method->slot, u->index, f->hedge, us, worker_now_ms(w));
    }
    if (c->n_upstreams > 1 || a->harm != HARM_NONE || c->standing.health[u->index].hard ||
        c->standing.health[u->index].soft)
        judge_health(c, u->index, outcome_of(a), slower);
    if (a->learn != LEARN_NOTHING && shows_lack(f, a)) {
        struct standing_lack *l = &c->standing.lacks[f->method->slot];

        l->endpoints = standing_lacking(c, f->method) | UINT64_C(1) << u->index; /* not those of long ago */
        l->until_ms = worker_now_ms(w) + STANDING_LACK_MS;
    }
    if (a->learn == LEARN_NO_ARCHIVE)
        old_blocks_missed(f);
    u->endpoint.stats.classes[class]++;
}

/* One bad answer to a request that calls shared is one failure, however many of them it was said to.  Where others had
 * a result each counts for the endpoint's health, since that is how often it fails. */
static bool is_counted(struct worker *w, const struct flight *f)
{
    bool counted = w->batch_failed;

    if (!w->response || f->riders < 2)
        return false;
    w->batch_failed = true;
    return counted;
}

/* Was f answered with a failure of the endpoint that has been counted? */
static bool fails_again(struct worker *w, struct flight *f, enum answer_class class)
{
    const struct answer_meaning *a = answer_meaning(class);

    if ((a->harm != HARM_HARD && a->park != PARK_CREDENTIAL) || standing_excuses(f, class))
        return false;
    keep_reason(&f->upstream->endpoint, FAIL_UPSTREAM_ERROR, class, NULL, f->http_status);
    if (!is_counted(w, f))
        return false;
    if (f->trial) /* what becomes of it is its own to say */
        judge_breaker(w, f, a, f->http_status);
    if (a->harm == HARM_HARD && w->batch_answer.results)
        judge_health(f->chain, f->upstream->index, HEALTH_HARD, HEALTH_NO_LATENCY);
    f->upstream->endpoint.stats.classes[class]++;
    return true;
}

enum answer_class standing_answered(struct worker *w, struct flight *f, bool is_error, struct slice payload)
{
    enum answer_class class;

    if (is_error) {
        struct error_object e;

        error_object_read(&e, payload);
        class =
            classify_error(&f->upstream->endpoint.conf->classes, f->chain->conf->family, f->method, f->http_status, &e)
                .class;
        learn_limit(w, f, class, &e);
        if (fails_again(w, f, class))
            return class;
    } else {
        class = classify_result(f->method, payload);
        learn_limit(w, f, class, NULL);
        if (f->depth && class == ANSWER_OK)
            old_blocks_had(f, payload);
    }
    f->chain->standing.heard_us[f->upstream->index] = worker_clock_us(w);
    judge(w, f, class, f->http_status, !is_error);
    return class;
}

void standing_refused(struct flight *f, struct slice error)
{
    struct error_object e;
    enum answer_class class;

    error_object_read(&e, error);
    class = classify_error(&f->upstream->endpoint.conf->classes, f->chain->conf->family, f->method, f->http_status, &e)
                .class;
    learn_limit(f->upstream->worker, f, class, &e);
}

enum answer_class standing_failed(struct worker *w, struct flight *f, const struct route_failure *why)
{
    struct slice body = w->response ? w->response->body : slice_of(NULL, 0);
    enum answer_class class = classify_failure(&f->upstream->endpoint.conf->classes, f->chain->conf->family, why->fail,
                                               why->http_status, body)
                                  .class;

    if (limits_is_refusal(class) && !why->never_sent)
        learn_limit(w, f, class, NULL);
    if (why->never_sent || why->reused_died) { /* the dial, or nobody, is to blame */
        standing_left(f);
        return class;
    }
    /* Those that were lost together were lost once.  But what becomes of a trial is the trial's to say. */
    if (f->seat == 0) {
        keep_reason(&f->upstream->endpoint, why->fail, class, why->detail, why->http_status);
        judge(w, f, class, why->http_status, class == ANSWER_TIMEOUT);
    } else if (f->trial) {
        judge_breaker(w, f, answer_meaning(class), why->http_status);
    }
    standing_left(f);
    return class;
}

void standing_blame(struct chain *c, uint64_t blamed)
{
    for (; blamed; blamed &= blamed - 1)
        judge_health(c, (unsigned)__builtin_ctzll(blamed), HEALTH_SOFT, HEALTH_NO_LATENCY);
}

void standing_late(struct worker *w, const struct flight *f)
{
    struct standing *s = &f->chain->standing;
    unsigned i = f->upstream->index;
    int32_t slower = latency_table_compare(&s->latency, f->method->slot, worker_clock_us(w) - f->sent_us);

    health_late(s->health, i, &s->peers[s->peers_at[i]], slower, worker_now_ms(w));
    weigh(f->chain, i);
}

void standing_left(struct flight *f)
{
    if (trial_ends(f) && !planted(PLANT_TRIAL_KEPT))
        breaker_trial_lost(&f->upstream->endpoint.breaker, worker_now_ms(f->upstream->worker));
}

void standing_reauthorized(struct upstream *u)
{
    struct breaker *b = &u->endpoint.breaker;

    if (b->state == BREAKER_CLOSED || b->why != BREAKER_REFUSED)
        return;
    breaker_reset(b);
    tell(u, BREAKER_HAS_CLOSED);
}

void standing_dialled(struct upstream *u)
{
    tell(u, breaker_dialled(&u->endpoint.breaker));
}

void standing_not_dialled(struct upstream *u)
{
    struct worker *w = u->worker;

    tell(u, breaker_failed(&u->endpoint.breaker, &u->chain->conf->breaker,
                           pool_sockets(&u->endpoint.pool) ? BREAKER_NO_DIAL : BREAKER_UNREACHABLE, false,
                           worker_now_ms(w), worker_random(w)));
}

/* -- without an answer */

void standing_called(struct chain *c, const struct flight *f)
{
    struct standing *s = &c->standing;
    uint64_t now_ms = worker_now_ms(c->worker);

    budget_call(&s->retries, &c->conf->retry.budget, now_ms);
    if (classify_is_lookup(f->method))
        budget_call(&s->lookups, &s->lookups_conf, now_ms);
    if (c->n_upstreams > 1 && now_ms - s->looked_ms >= LOOK_MS)
        vigil_look(c);
}

void standing_refresh(struct chain *c)
{
    struct standing *s = &c->standing;

    for (unsigned i = 0; i < c->n_upstreams; i++)
        if (s->health[i].score < HEALTH_ONE) {
            health_refresh(s->health, i, peers_of(s, i), worker_now_ms(c->worker));
            weigh(c, i);
        }
}

/* -- who may be asked */

uint64_t standing_lacking(const struct chain *c, const struct method *m)
{
    const struct standing_lack *l = &c->standing.lacks[m->slot];

    return l->endpoints && worker_now_ms(c->worker) < l->until_ms ? l->endpoints | l->never : l->never;
}

uint64_t standing_usable(const struct chain *c)
{
    uint64_t now_ms = worker_now_ms(c->worker), usable = 0;

    for (unsigned i = 0; i < c->n_upstreams; i++)
        usable |= (uint64_t)endpoint_usable(&c->upstreams[i]->endpoint, now_ms) << i;
    return usable;
}
