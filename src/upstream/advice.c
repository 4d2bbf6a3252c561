#include "upstream/advice.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* Fewer say nothing. */
enum { FEW_CALLS = 100, FEW_REQUESTS = 200, FEW_OPENINGS = 3, DAY_BEGUN_S = 600 };

enum {
    NEAR_PERCENT = 90,       /* of a limit */
    REUSE_PERCENT = 80,      /* a pool that works is above 99 */
    THROTTLED_PERCENT = 1,   /* what the gateway should do better than by itself */
    OPENINGS_AN_HOUR = 4,    /* an outage or two is one or two */
    WAIT_MIN_US = 1000,      /* less is nobody's concern */
    BEHIND_MIN_MS = 60000,   /* longer than any node needs for a block */
    OVER_BUDGET_PERCENT = 20 /* of the retries that were wanted */
};

#define SAY(out, ...) snprintf((out), ADVICE_SEEN, __VA_ARGS__)

static uint64_t percent(uint64_t part, uint64_t whole)
{
    double v = whole ? (double)part * 100 / (double)whole : 0;

    return v < 1e6 ? (uint64_t)v : 1000000;
}

/* "40 s", "12 min", "3 h" */
static const char *span(uint64_t ms, char out[32])
{
    uint64_t s = ms / 1000;

    if (s < 120)
        snprintf(out, 32, "%" PRIu64 " s", s);
    else if (s < 7200)
        snprintf(out, 32, "%" PRIu64 " min", s / 60);
    else
        snprintf(out, 32, "%" PRIu64 " h", s / 3600);
    return out;
}

static const char *moment(int64_t unix_s, char out[32])
{
    time_t t = (time_t)unix_s;
    struct tm tm;

    if (!gmtime_r(&t, &tm) || !strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm))
        snprintf(out, 32, "some day");
    return out;
}

/* -- the rules: false, or what was seen */

static bool no_key(const struct advice_facts *f, char *seen)
{
    if (!f->no_key)
        return false;
    SAY(seen, "there is no token: %s", f->no_key);
    return true;
}

static bool refused(const struct advice_facts *f, char *seen)
{
    char again[32];

    if (!f->refused)
        return false;
    SAY(seen, "it answered 401 or 403, and gets no calls for %s", span(f->refused_ms + 999, again));
    return true;
}

static bool foreign(const struct advice_facts *f, char *seen)
{
    if (!f->foreign)
        return false;
    SAY(seen, "%s; it gets no calls", f->foreign);
    return true;
}

static bool flaps(const struct advice_facts *f, char *seen)
{
    char time[32];

    if (f->opened < FEW_OPENINGS ||
        (f->up_ms > 3600000 && (double)f->opened * 3600000 < (double)OPENINGS_AN_HOUR * (double)f->up_ms))
        return false;
    SAY(seen, "it was given up %" PRIu64 " times in %s", f->opened, span(f->up_ms, time));
    return true;
}

static bool in_flight(const struct advice_facts *f, char *seen)
{
    if (!f->inflight_max || f->inflight < f->inflight_max || f->waiting < f->inflight_max)
        return false;
    SAY(seen, "%u calls wait while %u of %u are under way", f->waiting, f->inflight, f->inflight_max);
    return true;
}

static bool barely_reused(const struct advice_facts *f)
{
    return f->requests >= FEW_REQUESTS && percent(f->reused, f->requests) < REUSE_PERCENT;
}

static bool near_rate(const struct advice_facts *f, char *seen)
{
    if (!f->rate_max || percent(f->rate_sent, f->rate_max) < NEAR_PERCENT)
        return false;
    SAY(seen, "it gets %" PRIu64 " a second of the %" PRIu64 " that it may", f->rate_sent, f->rate_max);
    return true;
}

/* For sockets: not for connections that must be opened each time, tokens, or company. */
static bool waits_long(const struct advice_facts *f)
{
    char other[ADVICE_SEEN];

    return f->waits >= FEW_CALLS && f->wait_p90_us >= WAIT_MIN_US + f->window_us &&
           f->wait_p90_us >= f->answer_p50_us / 2 && f->open >= f->sockets_max && !barely_reused(f) &&
           !near_rate(f, other);
}

static bool waiting(const struct advice_facts *f, char *seen)
{
    bool queue = f->waiting > f->sockets_max && f->busy >= f->sockets_max;

    if (!f->sockets_max || !(queue || waits_long(f)) || (f->inflight_max && f->inflight >= f->inflight_max))
        return false;
    SAY(seen, "%u calls wait now, %u of %u sockets are busy; one call in ten waited %.1f ms and longer for one",
        f->waiting, f->busy, f->sockets_max, (double)f->wait_p90_us / 1e3);
    return true;
}

static bool short_lived(const struct advice_facts *f, char *seen)
{
    if (!barely_reused(f) || !f->per_socket_max || f->per_socket_max > 20)
        return false;
    SAY(seen, "only %" PRIu64 " %% of %" PRIu64 " requests went over a used connection: each carries %u at most",
        percent(f->reused, f->requests), f->requests, f->per_socket_max);
    return true;
}

static bool not_kept(const struct advice_facts *f, char *seen)
{
    char both[ADVICE_SEEN];

    if (!barely_reused(f) || short_lived(f, both))
        return false;
    SAY(seen, "only %" PRIu64 " %% of %" PRIu64 " requests went over a used connection",
        percent(f->reused, f->requests), f->requests);
    return true;
}

static bool throttled(const struct advice_facts *f, char *seen)
{
    if (f->calls < FEW_CALLS || percent(f->throttled, f->calls) < THROTTLED_PERCENT)
        return false;
    SAY(seen, "%" PRIu64 " of %" PRIu64 " calls were refused for their number", f->throttled, f->calls);
    return true;
}

static bool behind(const struct advice_facts *f, char *seen)
{
    char time[32];

    if (f->behind > f->behind_max && f->behind_ms >= BEHIND_MIN_MS)
        SAY(seen, "it has been more than %" PRIu64 " blocks behind for %s, now %" PRIu64, f->behind_max,
            span(f->behind_ms, time), f->behind);
    else if (f->unreplayed > f->unreplayed_max && f->unreplayed_ms >= BEHIND_MIN_MS)
        SAY(seen, "it has replayed more than %" PRIu64 " slots behind what it receives for %s, now %" PRIu64,
            f->unreplayed_max, span(f->unreplayed_ms, time), f->unreplayed);
    else
        return false;
    return true;
}

/* At the pace of the day so far. */
static bool quota_ends(const struct advice_facts *f, char *seen)
{
    double pace = f->quota_since_s ? (double)f->quota_used / (double)f->quota_since_s : 0;
    double left_s = pace > 0 && f->quota_used < f->quota_max ? (double)(f->quota_max - f->quota_used) / pace : 0;
    char when[32], reset[32];

    if (f->quota_spent) {
        SAY(seen, "it says that its quota is used up; it gets no calls until %s",
            moment(f->unix_s + (int64_t)f->quota_left_s, reset));
        return true;
    }
    if (!f->quota_max || (f->quota_used < f->quota_max &&
                          (f->quota_since_s < DAY_BEGUN_S || !(left_s > 0) || left_s >= (double)f->quota_left_s)))
        return false;
    moment(f->unix_s + (int64_t)f->quota_left_s, reset);
    if (f->quota_used >= f->quota_max)
        SAY(seen, "all %" PRIu64 " %s of the day are used up until %s", f->quota_max, f->quota_what, reset);
    else
        SAY(seen,
            "%" PRIu64 " of the day's %" PRIu64
            " %s are used up; at this pace the rest is on %s, before the reset at %s",
            f->quota_used, f->quota_max, f->quota_what, moment(f->unix_s + (int64_t)left_s, when), reset);
    return true;
}

static bool no_batches(const struct advice_facts *f, char *seen)
{
    if (!f->batches_refused || f->batch_calls >= f->batch_configured || f->batch_calls > 1)
        return false;
    SAY(seen, "it refused %" PRIu64 " %s; calls go alone now", f->batches_refused,
        f->batches_refused > 1 ? "batches" : "batch");
    return true;
}

static bool small_batches(const struct advice_facts *f, char *seen)
{
    if (!f->batches_refused || f->batch_calls >= f->batch_configured || f->batch_calls <= 1)
        return false;
    SAY(seen, "it refused %" PRIu64 " of up to %u calls; now %u at most share a request", f->batches_refused,
        f->batch_configured, f->batch_calls);
    return true;
}

static const struct rule {
    const char *name;
    bool (*fits)(const struct advice_facts *f, char *seen);
    const char *todo;
} rules[] = {
    {"no_credential", no_key, "see to the file or the program that `auth` names"},
    {"credential_refused", refused, "check its key (`auth`, `headers`, `url`), and what the plan allows"},
    {"wrong_chain", foreign, "correct its `url`, or the chain's `chain_id` or `genesis_hash`"},
    {"quota_ends", quota_ends, "a larger plan, a lower `weight`, or another endpoint beside it"},
    {"unstable", flaps, "see its `errors`; until that is mended, a higher `tier` keeps it in reserve"},
    {"always_behind", behind, "ask its provider, or give it a higher `tier`"},
    {"raise_max_inflight", in_flight, "raise `max_inflight`, if the endpoint bears it, or add an endpoint"},
    {"raise_max_sockets", waiting,
     "raise `pool.max_sockets`, if the endpoint bears it, or let calls share requests (`batch`)"},
    {"throttled", throttled, "say what it allows in `rate_limit`, a little below what it refuses, or add an endpoint"},
    {"near_rate_limit", near_rate, "a larger plan, or another endpoint beside it; `cache` and `coalesce` save calls"},
    {"raise_requests_per_socket", short_lived, "raise `pool.max_requests_per_socket`"},
    {"check_keep_alive", not_kept,
     "check that the endpoint, and proxies before it, keep connections open; `pool.max_idle` and "
     "`pool.idle_timeout_ms` may be low"},
    {"no_batches", no_batches, "set `batch.mode` to \"off\", or ask its provider"},
    {"smaller_batches", small_batches, "set `batch.max_calls` or `batch.max_bytes` to what it takes"},
};

enum { RULES = sizeof rules / sizeof rules[0] };

_Static_assert((int)RULES <= (int)ADVICE_MAX, "room for all of them at once");

unsigned advice_endpoint(const struct advice_facts *f, struct advice out[ADVICE_MAX])
{
    unsigned n = 0;

    for (unsigned i = 0; i < RULES; i++)
        if (rules[i].fits(f, out[n].seen)) {
            out[n].name = rules[i].name;
            out[n++].todo = rules[i].todo;
        }
    return n;
}

/* -- the gateway as a whole */

static bool few_sockets(const struct advice_common *c, char *seen)
{
    if (!c->sockets_max || percent(c->sockets, c->sockets_max) < NEAR_PERCENT)
        return false;
    SAY(seen, "%u of %u sockets to all endpoints are open", c->sockets, c->sockets_max);
    return true;
}

static bool many_clients(const struct advice_common *c, char *seen)
{
    if (!c->clients_max || percent(c->clients, c->clients_max) < NEAR_PERCENT)
        return false;
    SAY(seen, "%u of %u client connections are open", c->clients, c->clients_max);
    return true;
}

static bool over_budget(const struct advice_common *c, char *seen)
{
    uint64_t wanted = c->retries + c->retries_over_budget;

    if (wanted < FEW_CALLS || percent(c->retries_over_budget, wanted) < OVER_BUDGET_PERCENT)
        return false;
    SAY(seen, "%" PRIu64 " of %" PRIu64 " further attempts were not made, as the budget was used up",
        c->retries_over_budget, wanted);
    return true;
}

static const struct common_rule {
    const char *name;
    bool (*fits)(const struct advice_common *c, char *seen);
    const char *todo;
} common_rules[] = {
    {"raise_max_upstream_sockets", few_sockets,
     "raise `limits.max_upstream_sockets`, or lower `pool.max_idle` of endpoints"},
    {"raise_max_clients", many_clients, "raise `limits.max_clients`, or let clients keep fewer connections"},
    {"retries_over_budget", over_budget,
     "see the `errors` of the endpoints; `retry.budget_percent` bounds what an outage may cost"},
};

unsigned advice_gateway(const struct advice_common *c, struct advice out[ADVICE_MAX])
{
    unsigned n = 0;

    for (unsigned i = 0; i < sizeof common_rules / sizeof common_rules[0]; i++)
        if (common_rules[i].fits(c, out[n].seen)) {
            out[n].name = common_rules[i].name;
            out[n++].todo = common_rules[i].todo;
        }
    return n;
}
