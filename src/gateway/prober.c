#include "gateway/prober.h"

#include <stdio.h>

#include "base/log.h"
#include "gateway/chain.h"
#include "gateway/learn.h"
#include "gateway/limits.h"
#include "gateway/worker.h"
#include "rpc/error.h"

/* -- asking */

void prober_ask(struct upstream *u, enum probe_question question)
{
    struct worker *w = u->worker;
    enum chain_family family = u->chain->conf->family;
    enum head_kind kind = question == PROBE_REPLAYED ? HEAD_LATEST : u->chain->heads.watching.kind;
    struct probe_words words = probe_words(question, family, kind);
    struct message_request q = {.params = words.params};
    uint64_t timeout_ms = w->conf->limits.call_timeout_ms;
    struct flight *f = worker_flight_new(w);
    char method[64], params[PAST_PARAMS_CAP];

    if (question == PROBE_PAST)
        q.params = past_ask(&u->chain->past, params);
    q.method.raw = slice_of(method, (size_t)snprintf(method, sizeof method, "\"%s\"", words.method.p));
    flight_init(f, &q, method_get(family, words.method), w->next_id++);
    f->part = FLIGHT_PROBE;
    f->leg = question;
    f->head_kind = (uint8_t)kind;
    f->alone = true; /* a batch that fails as a whole would say nothing of it */
    f->pinned = true;
    f->chain = u->chain;
    f->start_us = worker_clock_us(w);
    f->born_ms = worker_now_ms(w);
    f->deadline_ms = f->born_ms + (timeout_ms < PROBE_TIMEOUT_MS ? timeout_ms : PROBE_TIMEOUT_MS);
    w->stats.probes++;
    upstream_enqueue_own(u, f, question == PROBE_IDENTITY);
}

void prober_look(struct upstream *u)
{
    bool waited_for = u->n_waiting > 0;

    if ((u->worker->draining && !waited_for) || !probe_is_due(&u->probe, worker_now_ms(u->worker), waited_for))
        return;
    probe_asked(&u->probe);
    prober_ask(u, PROBE_IDENTITY);
}

void prober_ask_finalized(struct upstream *at)
{
    if (at->worker->draining)
        return;
    probe_final_asked(&at->chain->final, worker_now_ms(at->worker));
    prober_ask(at, PROBE_FINALIZED);
}

void prober_ask_past(struct upstream *at)
{
    if (!at->worker->draining)
        prober_ask(at, PROBE_PAST);
}

/* -- what was learned */

/* What calls look at, so that they need not ask each endpoint. */
static void sum_up(struct chain *c)
{
    bool all = true;

    c->refused = c->avoid = 0;
    for (unsigned i = 0; i < c->n_upstreams; i++) {
        const struct probe *p = &c->upstreams[i]->probe;
        uint64_t bit = UINT64_C(1) << i;

        if (p->state == PROBE_REFUSED)
            c->refused |= bit;
        if (p->state == PROBE_REFUSED || probe_doubtful(p))
            c->avoid |= bit;
        all = all && p->state == PROBE_VERIFIED;
    }
    chain_answer_itself(c, all);
}

static void report(const struct upstream *u, enum probe_news news, const struct probe *before)
{
    const char *chain = u->chain->conf->name, *name = u->endpoint.conf->name;
    char text[PROBE_TEXT_CAP];

    probe_text(&u->probe, &u->chain->expect, text);
    if (news == PROBE_DISAGREES)
        log_event(LOG_ERROR, "endpoint_refused", LOG_S("chain", chain), LOG_S("endpoint", name),
                  LOG_S("url", u->endpoint.redacted), LOG_S("why", text));
    else if (news == PROBE_CANNOT_TELL)
        log_event(LOG_WARN, "endpoint_unverified", LOG_S("chain", chain), LOG_S("endpoint", name),
                  LOG_S("url", u->endpoint.redacted), LOG_S("why", text));
    else if (news == PROBE_AGREES && before->failures)
        log_event(LOG_INFO, "endpoint_verified", LOG_S("chain", chain), LOG_S("endpoint", name),
                  LOG_S("before", probe_state_name(before->state)), LOG_S("said", u->probe.said));
}

/* Nothing came, or nothing that says which chain it is.  Those who wait fare as they would with an endpoint that treats
 * them so; where it was only slow, each has its own deadline. */
static void in_vain(struct upstream *u, const struct route_failure *why)
{
    struct probe *p = &u->probe;
    char reason[ERROR_REASON_CAP];

    u->worker->stats.probes_failed++;
    if (p->failures == 1 && !upstream_is_down(u))
        log_event(LOG_WARN, "probe_failed", LOG_S("chain", u->chain->conf->name),
                  LOG_S("endpoint", u->endpoint.conf->name), LOG_S("url", u->endpoint.redacted),
                  LOG_S("reason", error_reason(why->fail, reason)), LOG_S("why", why->detail ? why->detail : ""));
    sum_up(u->chain);
    if (probe_holds(p) && (why->fail == FAIL_UPSTREAM_TIMEOUT || why->fail == FAIL_QUEUE_TIMEOUT ||
                           why->fail == FAIL_RATE_LIMITED || limits_paused(u)))
        upstream_offer_waiting(u);
    else if (probe_holds(p))
        upstream_release_waiting(u, &(struct route_failure){
                                        .fail = why->fail,
                                        .detail = why->detail,
                                        .http_status = why->http_status,
                                        .never_sent = true,
                                    });
    upstream_mark(u);
}

static void identity_answered(struct upstream *u, bool is_error, struct slice payload)
{
    struct probe *p = &u->probe;
    struct probe before = *p;
    enum probe_news news = probe_answered(p, &u->chain->expect, is_error, payload, worker_now_ms(u->worker));
    char text[PROBE_TEXT_CAP];

    if (news == PROBE_NO_ANSWER) {
        u->endpoint.stats.failures[FAIL_UPSTREAM_NO_CHAIN]++;
        in_vain(u, &(struct route_failure){.fail = FAIL_UPSTREAM_NO_CHAIN,
                                           .detail = probe_text(p, &u->chain->expect, text)});
        return;
    }
    report(u, news, &before);
    sum_up(u->chain);
    if (p->state == PROBE_REFUSED)
        upstream_release_waiting(u, &(struct route_failure){.fail = FAIL_UPSTREAM_WRONG_CHAIN,
                                                            .detail = probe_text(p, &u->chain->expect, text),
                                                            .never_sent = true});
    upstream_mark(u);
}

static void finalized_answered(struct upstream *u, bool is_error, struct slice payload)
{
    struct chain *c = u->chain;
    uint64_t number;

    if (!probe_final_answered(&c->final, is_error, payload, worker_now_ms(u->worker), &number))
        u->worker->stats.probes_failed++;
    else if (!(c->refused >> u->index & 1))
        learn_final(u, HEAD_FINALIZED, number, payload);
}

static void past_told(struct upstream *u, bool is_error, struct slice payload)
{
    struct chain *c = u->chain;

    if (c->refused >> u->index & 1) { /* since it was asked: it is of another chain */
        past_failed(&c->past, worker_now_ms(u->worker));
        return;
    }
    switch (past_answered(&c->past, is_error, payload, worker_now_ms(u->worker))) {
    case PAST_SAME:
        break;
    case PAST_UNTOLD:
        u->worker->stats.probes_failed++;
        break;
    case PAST_NONE:
        if (c->n_upstreams == 1) /* of several one may be far behind */
            chain_past_changed(c, u, false);
        break;
    case PAST_OTHER:
        chain_past_changed(c, u, true);
        break;
    }
}

void prober_answered(struct worker *w, struct flight *f, bool is_error, struct slice payload, struct blob *ref)
{
    struct upstream *u = f->upstream;
    enum probe_question question = (enum probe_question)f->leg;
    enum head_kind kind = (enum head_kind)f->head_kind;

    worker_flight_free(w, f);
    if (question == PROBE_IDENTITY)
        identity_answered(u, is_error, payload);
    else if (question == PROBE_PAST)
        past_told(u, is_error, payload);
    else if (probe_is_watch(question))
        watch_told(u, question, kind, is_error, payload);
    else
        finalized_answered(u, is_error, payload);
    blob_unref(ref);
}

/* A connection that had been idle for long was dead: that says nothing of the endpoint. */
static bool goes_again(struct flight *f, const struct route_failure *why)
{
    if (!why->reused_died || f->fresh_only)
        return false;
    f->fresh_only = true;
    upstream_enqueue_own(f->upstream, f, true);
    return true;
}

void prober_failed(struct worker *w, struct flight *f, const struct route_failure *why)
{
    struct upstream *u = f->upstream;
    enum probe_question question = (enum probe_question)f->leg;
    uint64_t now_ms = worker_now_ms(w);

    if (goes_again(f, why))
        return;
    worker_flight_free(w, f);
    if (question == PROBE_IDENTITY) {
        probe_failed(&u->probe, why->never_sent, now_ms);
        in_vain(u, why);
        return;
    }
    if (probe_is_watch(question)) {
        watch_failed(u, question, why);
        return;
    }
    if (question == PROBE_PAST)
        past_failed(&u->chain->past, now_ms);
    else
        probe_final_failed(&u->chain->final, now_ms);
    w->stats.probes_failed++;
}

void prober_refuse(struct worker *w, struct flight *f)
{
    const struct chain *c = f->chain;
    char text[PROBE_TEXT_CAP];

    probe_text(&c->upstreams[__builtin_ctzll(c->refused)]->probe, &c->expect, text);
    route_refuse(w, f, &(struct route_failure){.fail = FAIL_UPSTREAM_WRONG_CHAIN, .detail = text});
}
