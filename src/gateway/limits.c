#include "gateway/limits.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "gateway/chain.h"
#include "gateway/choose.h"
#include "gateway/flow.h"
#include "gateway/hedge_lane.h"
#include "gateway/route.h"
#include "gateway/route_move.h"
#include "gateway/standing.h"
#include "http/rate_fields.h"
#include "rpc/error_object.h"
#include "rpc/retry_hint.h"
#include "upstream/limiter_text.h"
#include "upstream/preset.h"

enum {
    CROWD_US = 20000,       /* before a call is asked again that was one of too many */
    OFFER_GAP_US = 100000,  /* between two offers of those who wait */
    OFFER_IN_VAIN = 64,     /* of them that found nothing better, before the rest is left alone */
    SAID_GAP_US = 10000000, /* between two lines of the log about one endpoint */
    TEXT_MAX = 1024
};

void limits_init(struct upstream *u)
{
    const struct endpoint_conf *conf = u->endpoint.conf;
    const struct preset *p = conf->preset ? preset_at(conf->preset - 1) : NULL;

    limiter_init(&u->endpoint.limiter, &conf->rate_limit, u->worker->wall_ms / 1000, worker_clock_us(u->worker));
    if (!conf->rate_limit.units_per_s && !conf->rate_limit.units_per_day)
        return;
    u->units = mem_array(method_slots(), sizeof *u->units);
    for (unsigned i = 0; i < method_slots(); i++) {
        const struct method_rule *rule = &u->chain->rules.by_slot[i];

        u->units[i] = rule->units_told ? rule->units : preset_units(p, rule->m);
    }
}

void limits_deinit(struct upstream *u)
{
    free(u->units);
}

void limits_clock(struct worker *w)
{
    for (size_t i = 0; i < w->n_chains; i++)
        for (unsigned k = 0; k < w->chains[i]->n_upstreams; k++)
            limiter_clock(&w->chains[i]->upstreams[k]->endpoint.limiter, w->wall_ms / 1000, worker_clock_us(w));
}

/* -- departures */

void limits_give(struct upstream *u, const struct flight *f)
{
    limiter_give(&u->endpoint.limiter, f->counted, limits_units(u, f), f->taken_us, limits_now_us(u));
}

bool limits_blocks(struct upstream *u, const struct flight *f, unsigned place, uint64_t now_us)
{
    struct limiter *l = &u->endpoint.limiter;
    enum limiter_why why;

    limiter_when(l, f->method->slot, limiter_requests(l, place), limits_units(u, f), now_us, &why);
    return why != LIMITER_METHOD_PARKED;
}

unsigned limits_links(struct upstream *u, unsigned n)
{
    struct limiter *l = &u->endpoint.limiter;
    uint64_t most = l->gates ? limiter_tokens(l, worker_clock_us(u->worker)) : n;

    return most < n ? (unsigned)(most ? most : 1) : n;
}

uint64_t limits_when_us(struct upstream *u, const struct flight *f, unsigned ahead, uint64_t now_us)
{
    struct limiter *l = &u->endpoint.limiter;

    if (!l->gates)
        return now_us;
    return limiter_when_behind(l, ahead, f->method->slot, limiter_requests(l, 0), limits_units(u, f), now_us);
}

/* -- those who wait */

/* It waits where it is. */
static bool is_bound(const struct flight *f)
{
    return f->pinned || f->part != FLIGHT_OF_CALLS;
}

/* Its method alone is to be left alone until then: it makes room for others. */
static void step_aside(struct upstream *u, struct flight *f, uint64_t wait_us)
{
    struct worker *w = u->worker;

    u->endpoint.stats.waited[LIMITER_METHOD_PARKED]++;
    standing_left(f);
    upstream_dequeue(f);
    f->state = FLIGHT_PAUSED;
    f->try_until_ms = worker_now_ms(w) + wait_us / 1000 + 1;
    route_arm(w, f);
}

enum limits_hold limits_hold(struct upstream *u, struct flight *f, uint64_t now_us)
{
    struct limiter *l = &u->endpoint.limiter;
    enum limiter_why why;
    uint64_t at_us = limiter_when(l, f->method->slot, limiter_requests(l, 0), limits_units(u, f), now_us, &why);
    uint64_t wait_us = at_us > now_us ? at_us - now_us : 0;

    if (why == LIMITER_TOO_BIG) {
        u->endpoint.stats.waited[why]++;
        upstream_dequeue(f);
        route_failed(u->worker, f, &(struct route_failure){.fail = FAIL_ABOVE_RATE_LIMIT, .never_sent = true});
        return LIMITS_GONE;
    }
    if (f->part == FLIGHT_HEDGE) { /* it was to be sooner */
        upstream_dequeue(f);
        hedge_lane_failed(u->worker, f, &(struct route_failure){.fail = FAIL_RATE_LIMITED, .never_sent = true});
        return LIMITS_GONE;
    }
    if (why == LIMITER_METHOD_PARKED && !is_bound(f)) {
        step_aside(u, f, wait_us);
        return LIMITS_GONE;
    }
    if (wait_us < u->again_us)
        u->again_us = wait_us;
    if (why == LIMITER_METHOD_PARKED)
        return LIMITS_PASS;
    u->shut = true;
    u->shut_why = why == LIMITER_FREE ? LIMITER_RATE : why;
    u->shut_us = now_us;
    return LIMITS_SHUT;
}

/* true: it went to another endpoint. */
static bool moves_on(struct upstream *u, struct flight *f, unsigned ahead, uint64_t now_us)
{
    uint64_t here_us = limits_when_us(u, f, ahead, now_us);
    struct upstream *next;

    if (is_bound(f) || here_us <= now_us)
        return false;
    /* Not for a little: it would go back and forth. */
    next = choose_sooner(u->chain, f, here_us - (here_us - now_us) / 8);
    return next && route_to(f, next);
}

void limits_offer(struct upstream *u)
{
    uint64_t now_us = worker_clock_us(u->worker), since_us = now_us - u->offered_us;
    unsigned ahead = 0, in_vain = 0;
    struct flight *next;

    if (u->chain->n_upstreams == 1)
        return;
    if (since_us < OFFER_GAP_US) {
        if (OFFER_GAP_US - since_us < u->again_us)
            u->again_us = OFFER_GAP_US - since_us;
        return;
    }
    u->offered_us = now_us;
    if (u->again_us > OFFER_GAP_US)
        u->again_us = OFFER_GAP_US;
    for (struct flight *f = priority_front(&u->waiting); f && in_vain < OFFER_IN_VAIN; f = next) {
        next = priority_next(&u->waiting, f);
        if (moves_on(u, f, ahead, now_us)) {
            in_vain = 0;
        } else {
            ahead++;
            in_vain++;
        }
    }
}

static const char *why_text(enum limiter_why why)
{
    switch (why) {
    case LIMITER_RATE:
        return "it waited for the rate limit of the endpoint";
    case LIMITER_PARKED:
        return "it waited because the endpoint had refused others for their number";
    case LIMITER_METHOD_PARKED:
        return "it waited because the endpoint had refused others of this method for their number";
    case LIMITER_QUOTA:
        return "it waited because the quota of the endpoint is used up";
    case LIMITER_FREE:
    case LIMITER_TOO_BIG:
    case LIMITER_WHYS:
        break;
    }
    return NULL;
}

static enum limiter_why why_now(const struct flight *f, uint64_t *wait_us)
{
    struct upstream *u = f->upstream;
    struct limiter *l = &u->endpoint.limiter;
    uint64_t now_us = worker_clock_us(u->worker);
    enum limiter_why why;
    uint64_t at_us = limiter_when(l, f->method->slot, limiter_requests(l, 0), limits_units(u, f), now_us, &why);

    *wait_us = at_us > now_us ? at_us - now_us : 0;
    return why;
}

const char *limits_reason(const struct flight *f)
{
    const struct upstream *u = f->upstream;
    uint64_t wait_us;

    if (!u || !u->endpoint.limiter.gates)
        return NULL;
    if (f->state == FLIGHT_QUEUED)
        return u->shut && u->shut_us >= f->queued_us ? why_text(u->shut_why) : NULL;
    return f->state == FLIGHT_PAUSED ? why_text(why_now(f, &wait_us)) : NULL;
}

uint64_t limits_wait_ms(const struct flight *f)
{
    uint64_t wait_us = 0;

    if (f->upstream->endpoint.limiter.gates)
        why_now(f, &wait_us);
    /* Where others are on the wire it will have room when they are answered. */
    if (wait_us < CROWD_US && crowd_limit(&f->upstream->crowd))
        wait_us = CROWD_US;
    return wait_us ? wait_us / 1000 + 1 : 0;
}

/* -- what answers teach */

static void say(struct upstream *u, enum limiter_change change, uint64_t now_us)
{
    const char *chain = u->chain->conf->name, *name = u->endpoint.conf->name;
    struct buf text;
    struct slice limit;

    if (change != LIMITER_SPENT && u->said_us && now_us - u->said_us < SAID_GAP_US)
        return;
    u->said_us = now_us;
    buf_init(&text, TEXT_MAX);
    limiter_text(&u->endpoint.limiter, now_us, &text); /* what fits */
    limit = buf_get(&text);
    if (change == LIMITER_SPENT)
        log_event(LOG_ERROR, "endpoint_spent", LOG_S("chain", chain), LOG_S("endpoint", name), LOG_SL("limit", limit));
    else if (change == LIMITER_LOWERED)
        log_event(LOG_WARN, "endpoint_slowed", LOG_S("chain", chain), LOG_S("endpoint", name), LOG_SL("limit", limit));
    else
        log_event(LOG_WARN, "endpoint_paused", LOG_S("chain", chain), LOG_S("endpoint", name), LOG_SL("limit", limit));
    buf_deinit(&text);
}

/* How long the endpoint wants to be left alone; 0: it does not say. */
static uint64_t wish_us(const struct worker *w, const struct error_object *error, bool *of_method)
{
    struct rate_fields fields;
    int64_t wait_ms;

    rate_fields_read(&fields, w->response ? w->response->rate_lines : slice_of(NULL, 0), w->wall_ms);
    *of_method = rate_fields_method_only(&fields);
    wait_ms = rate_fields_wait_ms(&fields);
    if (wait_ms <= 0 && error)
        wait_ms = retry_hint_ms(error);
    return wait_ms > 0 ? (uint64_t)wait_ms * 1000 : 0;
}

/* false: fewer calls at once there cannot be. */
static bool crowds(struct upstream *u, const struct flight *f, uint64_t now_us)
{
    bool lower = flow_refused(u, f);

    if (!u->said_us || now_us - u->said_us >= SAID_GAP_US) {
        u->said_us = now_us;
        log_event(LOG_WARN, "endpoint_crowded", LOG_S("chain", u->chain->conf->name),
                  LOG_S("endpoint", u->endpoint.conf->name), LOG_U("limit", u->max_wire));
    }
    return lower;
}

static void refused(struct worker *w, struct flight *f, enum answer_class class, const struct error_object *error)
{
    struct upstream *u = f->upstream;
    uint64_t now_us = worker_clock_us(w);
    bool of_method;
    struct limit_refusal r = {
        .kind = class == ANSWER_QUOTA_EXHAUSTED       ? LIMIT_QUOTA
                : class == ANSWER_RATE_LIMITED_METHOD ? LIMIT_METHOD
                : class == ANSWER_TOO_MANY_AT_ONCE    ? LIMIT_AT_ONCE
                                                      : LIMIT_RATE,
        .slot = f->method->slot,
        .requests = f->counted,
        .units = limits_units(u, f),
        .sent_us = f->taken_us,
        .wait_us = wish_us(w, error, &of_method),
    };
    enum limiter_change change;

    if (r.kind == LIMIT_RATE && of_method)
        r.kind = LIMIT_METHOD;
    u->endpoint.stats.limited[r.kind]++;
    if (r.kind == LIMIT_AT_ONCE)
        r.pauses = !crowds(u, f, now_us);
    if (r.kind == LIMIT_METHOD && f->method->wild) /* its slot stands for other names too */
        return;
    change = limiter_refused(&u->endpoint.limiter, &r, now_us);
    if (change == LIMITER_SAME)
        return;
    u->endpoint.stats.slowed += change == LIMITER_LOWERED;
    u->offered_us = 0;
    say(u, change, now_us);
    upstream_mark(u);
}

void limits_learn(struct worker *w, struct flight *f, enum answer_class class, const struct error_object *error)
{
    if (limits_is_refusal(class))
        refused(w, f, class, error);
    else if (f->taken_us) {
        flow_answered(f->upstream);
        limiter_accepted(&f->upstream->endpoint.limiter, f->method->slot, f->taken_us);
    }
}
