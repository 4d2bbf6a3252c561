#include "gateway/route_again.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/plant.h"
#include "gateway/chain.h"
#include "gateway/choose.h"
#include "gateway/exchange.h"
#include "gateway/hedge_lane.h"
#include "gateway/limits.h"
#include "gateway/unit.h"
#include "gateway/worker.h"

enum {
    MAX_MOVES = 8, /* of one flight: more would not help within any deadline */
    STALE_FIRST_MS = 25,
    STALE_MAX_MS = 400 /* a slot of Solana, a fifth of the time that most chains take for a block */
};

static enum retry_cause cause_of(const struct flight *f, const struct answer_meaning *a)
{
    if (a->again)
        return RETRY_TRANSIENT;
    if (a->elsewhere == ELSEWHERE_NO || (a->elsewhere == ELSEWHERE_ONCE && f->asked_once))
        return RETRY_FINAL;
    return RETRY_ELSEWHERE;
}

static struct upstream *fit_for(struct flight *f, bool unasked)
{
    struct upstream *u = choose_for(f->chain, f);

    if (!u || upstream_is_full(u))
        return NULL;
    /* One that is left alone is no better, unless the call goes on as if it had not been there. */
    return unasked || endpoint_usable(&u->endpoint, worker_now_ms(u->worker)) ? u : NULL;
}

/* Another endpoint that is fit to be asked now.  unasked: the last one has not seen the call, so that nothing which it
 * said is a reason to leave it at that. */
static struct upstream *another(struct flight *f, const struct answer_meaning *a, bool unasked)
{
    struct upstream *next;
    uint64_t passed;

    if (planted(PLANT_NOT_ELSEWHERE) || (f->pinned && !planted(PLANT_FILTER_MOVED)) || f->moves >= MAX_MOVES ||
        (!unasked && (a->elsewhere == ELSEWHERE_NO || (a->elsewhere == ELSEWHERE_ONCE && f->asked_once))))
        return NULL;
    next = fit_for(f, unasked);
    passed = f->passed & ~(UINT64_C(1) << f->upstream->index);
    if (next || !passed)
        return next;
    /* Those where it only waited may be better now. */
    f->tried &= ~passed;
    f->passed &= ~passed;
    return fit_for(f, false);
}

static void pause(struct worker *w, struct flight *f, uint64_t delay_ms)
{
    if (planted(PLANT_AGAIN_AT_ONCE))
        delay_ms = 0;
    f->state = FLIGHT_PAUSED;
    f->try_until_ms = worker_now_ms(w) + delay_ms;
    route_arm(w, f);
}

/* Another endpoint is asked after that. */
static void note_meaning(struct flight *f, const struct answer_meaning *a, uint64_t bit)
{
    f->asked_once |= a->elsewhere == ELSEWHERE_ONCE;
    f->blamed |= a->harm == HARM_IF_ALONE ? bit : 0;
}

/* Is there a result for one that f shared its request with? */
static bool is_told_besides(const struct worker *w, const struct flight *f)
{
    return w->response && f->riders > 1 && w->batch_answer.results;
}

/* why NULL: it was answered. */
static bool set_out(struct worker *w, struct flight *f, enum answer_class class, struct retry_ask *ask,
                    const struct route_failure *why)
{
    static const struct route_failure split = {.fail = FAIL_ARRAY_SPLIT};
    const struct answer_meaning *a = answer_meaning(class);
    struct upstream *u = f->upstream, *next;
    uint64_t now_ms = worker_now_ms(w), bit = UINT64_C(1) << u->index;
    struct standing *s = &f->chain->standing;
    bool leaves = why || (class != ANSWER_NOT_HERE_YET && !is_told_besides(w, f)), looks;
    struct retry_verdict v;

    if (!ask->stale_link) {
        f->tried |= bit;
        f->passed = ask->never_sent ? f->passed | bit : f->passed & ~bit;
    } else {
        f->stale += f->stale < f->sends;
    }
    if (f->twin && hedge_lane_goes_on(w, f)) {
        note_meaning(f, a, bit);
        return true;
    }
    /* What is too much for one endpoint at once is so for another: those that it took are not asked again for that. */
    if (f->in_unit && a->again && limits_is_refusal(class) && unit_is_out(f))
        leaves = false;
    next = f->in_unit && (leaves || upstream_is_down(u)) ? unit_next(f, ask->stale_link) : NULL;
    /* An array's calls stay together while their endpoint is there, or has told some of them. */
    if (!next &&
        (!f->in_unit || ask->never_sent || ask->stale_link || upstream_is_down(u) || (leaves && unit_untold(f))))
        next = another(f, a, ask->stale_link || ask->never_sent);
    if (next && f->in_unit && !why && !upstream_is_down(u) && !unit_fits(f, next))
        next = NULL; /* the rest of its array is better off where it is */
    if (f->by_name && ask->stale_link)
        next = u;
    ask->cause = ask->never_sent || ask->stale_link ? RETRY_TRANSIENT : cause_of(f, a);
    ask->attempts = f->sends - f->stale;
    ask->other = next != NULL;
    ask->same = !ask->never_sent && !f->pinned && !upstream_is_down(u);
    ask->wait_ms = limits_is_refusal(class) && !standing_excuses(f, class) ? limits_wait_ms(f) : 0;
    ask->left_ms = f->deadline_ms > now_ms ? f->deadline_ms - now_ms : 0;
    if (ask->stale_link && !next)
        return false;
    looks = class == ANSWER_NOT_HERE_YET && next;
    if (looks && !budget_take(&s->lookups, &s->lookups_conf, now_ms))
        return false;
    v = retry_decide(&s->retries, &f->chain->conf->retry, ask, now_ms, worker_random(w));
    if (looks && v.what != RETRY_OTHER)
        budget_give_back(&s->lookups);
    switch (v.what) {
    case RETRY_OTHER:
    case RETRY_FRESH_LINK:
        f->fresh_only |= ask->stale_link; /* it may not be the only idle connection that is dead */
        f->moves++;
        note_meaning(f, a, bit);
        if (f->in_unit)
            unit_go(w, f, next, true, why ? why : &split);
        if (flight_alone(f) && f->in_unit)
            worker_flight_free(w, f);
        else
            upstream_enqueue(next, f, true);
        break;
    case RETRY_LATER:
        pause(w, f, v.delay_ms);
        break;
    case RETRY_STOP_BUDGET:
    case RETRY_STOP_ATTEMPTS:
        /* To wait for a token costs nobody anything, and the endpoint did nothing with the call. */
        if (ask->wait_ms && ask->same && ask->left_ms > ask->wait_ms && a->again) {
            pause(w, f, ask->wait_ms);
            return true;
        }
        w->stats.retries_over_budget += v.what == RETRY_STOP_BUDGET;
        return false;
    default:
        return false;
    }
    w->stats.retries++;
    u->endpoint.stats.retries++;
    return true;
}

/* For when nothing better comes.  What an endpoint answered is told in its own words: it is not given up for this. */
static void keep_failure(struct flight *f, enum answer_class class, const struct route_failure *why)
{
    const struct answer_meaning *a = answer_meaning(class);

    if (class == ANSWER_LOCAL || why->reused_died || (f->said && (f->said->ref || f->said->rank <= a->rank)))
        return;
    if (!f->said)
        f->said = mem_zero(sizeof *f->said);
    *f->said =
        (struct flight_said){.rank = a->rank, .at = f->upstream, .fail = why->fail, .http_status = why->http_status};
}

bool route_again_failed(struct worker *w, struct flight *f, enum answer_class class, const struct route_failure *why)
{
    struct retry_ask ask = {
        .never_sent = why->never_sent,
        .may_repeat = flight_may_repeat(f) && (f->retry || why->reused_died),
        .stale_link = why->reused_died,
    };

    keep_failure(f, class, why);
    return set_out(w, f, class, &ask, why);
}

static void keep(struct flight *f, struct upstream *at, enum answer_class class, bool is_error, struct slice payload,
                 struct blob *ref)
{
    const struct answer_meaning *a = answer_meaning(class);
    struct flight_said *s = f->said;

    if (s && s->ref && (planted(PLANT_WORST_SHOWN) ? s->rank > a->rank : s->rank <= a->rank))
        return;
    ref = ref ? blob_ref(ref) : blob_copy(payload);
    if (!ref)
        return;
    if (!s)
        s = f->said = mem_zero(sizeof *s);
    blob_unref(s->ref);
    /* A copy begins with the payload. */
    *s = (struct flight_said){
        ref,      payload.p >= ref->p && payload.p < ref->p + ref->n ? payload : slice_of(ref->p, ref->n),
        is_error, a->rank,
        at,       FAIL_NONE,
        0};
}

bool route_again_answered(struct worker *w, struct flight *f, enum answer_class class, bool is_error,
                          struct slice payload, struct blob *ref)
{
    const struct answer_meaning *a = answer_meaning(class);
    bool may = answer_may_move(a, f->method) && (f->retry || hedge_lane_is_out(f));
    struct retry_ask ask = {.may_repeat = may};

    if (!may && !(f->retry && a->again && flight_may_repeat(f)))
        return false;
    ask.may_repeat = true;
    keep(f, f->upstream, class, is_error, payload, ref);
    return set_out(w, f, class, &ask, NULL);
}

void route_again_noted(struct flight *f, struct upstream *at, enum answer_class class, bool is_error,
                       struct slice payload, struct blob *ref)
{
    const struct answer_meaning *a = answer_meaning(class);
    uint64_t bit = UINT64_C(1) << at->index;

    keep(f, at, class, is_error, payload, ref);
    f->tried |= bit;
    note_meaning(f, a, bit);
}

/* Does c's array ask more about the head that f is about? */
static bool goes_with_others(const struct call *c, const struct flight *f)
{
    const struct unit *u = &exchange_of(c)->unit;

    return c->in_unit && (f->chain->conf->family == CHAIN_SOLANA ? u->heads.calls[f->head_kind] : u->n_calls) > 1;
}

/* An array whose endpoint stepped back: another number would not be that of its other answers. */
static void refuse_arrays(struct worker *w, struct flight *f)
{
    static const struct route_failure behind = {.fail = FAIL_UPSTREAM_BEHIND};

    f->in_unit = false;
    list_each_safe (it, nx, &f->calls) {
        struct call *c = container_of(it, struct call, waiting);

        if (goes_with_others(c, f))
            route_refuse_call(w, c, &behind);
        else if (c->in_unit && exchange_of(c)->unit.n_calls > 1)
            f->in_unit = true; /* of its array it is the only one about that head: it waits for its endpoint */
    }
}

bool route_again_stale(struct worker *w, struct flight *f)
{
    struct chain *c = f->chain;
    uint64_t now_ms = worker_now_ms(w), delay_ms = (uint64_t)STALE_FIRST_MS << (f->waits < 8 ? f->waits : 8);
    struct upstream *next;

    w->stats.answers_behind++;
    f->told = 0; /* nobody is told it */
    f->tried |= UINT64_C(1) << f->upstream->index;
    if (f->twin && hedge_lane_goes_on(w, f))
        return true;
    flight_table_remove(&w->flights, f); /* who comes now may be better off */
    if (f->in_unit) {
        f->state = FLIGHT_WIRE; /* an answer may close a session whose calls wait here too: f must outlive them */
        refuse_arrays(w, f);
    }
    if (flight_alone(f)) {
        worker_flight_free(w, f);
        return true;
    }
    if (!f->retry || f->pinned || !budget_take(&c->standing.retries, &c->conf->retry.budget, now_ms))
        return false;
    next = f->in_unit ? NULL : another(f, answer_meaning(ANSWER_NODE_BEHIND), false);
    if (!next && delay_ms > STALE_MAX_MS)
        delay_ms = STALE_MAX_MS;
    if (!next && now_ms + delay_ms >= f->deadline_ms) {
        budget_give_back(&c->standing.retries);
        return false;
    }
    w->stats.retries++;
    f->upstream->endpoint.stats.retries++;
    if (next) {
        f->moves++;
        upstream_enqueue(next, f, true);
        return true;
    }
    f->waits++;
    f->moves = 0;
    pause(w, f, delay_ms);
    return true;
}

void route_again_resume(struct worker *w, struct flight *f)
{
    struct upstream *next;

    if (f->part != FLIGHT_LOOKUP) /* its bits also say who is not of its group */
        f->tried = 0;
    f->passed = 0;
    next = f->in_unit ? unit_next(f, true) : NULL;
    if (!next)
        next = choose_for(f->chain, f);
    if (!next || !upstream_enqueue(next, f, true))
        route_refuse(w, f, &(struct route_failure){.fail = FAIL_QUEUE_FULL});
}
