#include "admin/recommend.h"

#include <time.h>

#include "gateway/auth.h"
#include "gateway/chain.h"
#include "gateway/worker.h"
#include "io/loop.h"
#include "upstream/advice.h"
#include "upstream/batch_learned.h"
#include "json/jout.h"

static void read_breaker(const struct upstream *u, struct advice_facts *f, uint64_t now_ms)
{
    const struct breaker *b = &u->endpoint.breaker;

    f->opened = u->endpoint.stats.opened;
    f->refused = b->state != BREAKER_CLOSED && b->why == BREAKER_REFUSED;
    f->refused_ms = f->refused && b->until_ms > now_ms ? b->until_ms - now_ms : 0;
}

static void read_sockets(const struct upstream *u, struct advice_facts *f)
{
    const struct endpoint *e = &u->endpoint;
    const struct pool *p = &e->pool;

    f->waiting = u->n_waiting;
    f->busy = p->n_busy;
    f->open = pool_sockets(p);
    f->sockets_max = p->conf->max_sockets;
    f->inflight = u->n_wire;
    f->inflight_max = e->conf->max_inflight;
    f->waits = e->stats.boarding_wait_us.count;
    f->wait_p90_us = hist_quantile(&e->stats.boarding_wait_us, 0.9);
    f->answer_p50_us = hist_quantile(&e->stats.latency, 0.5);
    f->window_us = e->conf->batch.window_us;
    f->requests = p->carried_new + p->carried_reused;
    f->reused = p->carried_reused;
    f->per_socket_max = p->conf->max_requests_per_socket;
}

static void read_answers(const struct upstream *u, struct advice_facts *f)
{
    const struct endpoint_stats *s = &u->endpoint.stats;

    for (unsigned i = 0; i < ANSWER_CLASSES; i++) {
        f->calls += s->classes[i];
        if (answer_meaning((enum answer_class)i)->learn == LEARN_RATE ||
            answer_meaning((enum answer_class)i)->learn == LEARN_CONCURRENCY)
            f->throttled += s->classes[i];
    }
}

static void read_head(const struct upstream *u, struct advice_facts *f, uint64_t now_ms)
{
    const struct heads *h = &u->chain->heads;

    f->behind = freshness_lag(&h->of[h->watching.kind], u->index);
    f->behind_max = h->conf.max_lag;
    f->behind_ms = u->behind_since_ms ? now_ms - u->behind_since_ms : 0;
    f->unreplayed = u->watch.replay.behind;
    f->unreplayed_max = h->max_shred_lag;
    f->unreplayed_ms = u->watch.replay.late_ms ? now_ms - u->watch.replay.late_ms : 0;
}

static void read_batches(const struct upstream *u, struct advice_facts *f, uint64_t now_ms)
{
    const struct endpoint *e = &u->endpoint;

    if (e->conf->batch.mode == BATCH_OFF)
        return;
    f->batches_refused = e->stats.batch_refused;
    f->batch_configured = e->conf->batch.max_calls;
    f->batch_calls = batch_now(&e->limits, &e->conf->batch, now_ms).calls;
}

/* The rate that is nearest to its limit. */
static void read_rates(const struct limiter *l, struct advice_facts *f, uint64_t now_us)
{
    uint64_t sent[LIMITER_BUCKETS];

    if (now_us > l->learned.tick_us + LEARN_SLOTS * (uint64_t)LEARN_SLOT_US) /* long silent */
        return;
    limit_learned_seen(&l->learned, &sent[LIMITER_REQUESTS], &sent[LIMITER_UNITS]);
    for (unsigned i = 0; i < LIMITER_BUCKETS; i++) {
        uint64_t most = l->top[i] ? limiter_rate(l, i) : 0;

        if (most && (!f->rate_max || (double)sent[i] * (double)f->rate_max > (double)f->rate_sent * (double)most)) {
            f->rate_sent = sent[i];
            f->rate_max = most;
        }
    }
}

/* That of the day which ends first. */
static void read_quota(const struct quota *q, struct advice_facts *f, uint64_t now_us)
{
    bool units = q->units_max != UINT64_MAX &&
                 (q->requests_max == UINT64_MAX ||
                  (double)q->units * (double)q->requests_max > (double)q->requests * (double)q->units_max);

    f->quota_what = units ? "units" : "requests";
    f->quota_used = units ? q->units : q->requests;
    f->quota_max = units ? q->units_max : q->requests_max;
    if (f->quota_max == UINT64_MAX)
        f->quota_max = 0;
    f->quota_spent = q->spent && now_us < q->reset_us;
    f->quota_since_s = now_us > q->since_us ? (now_us - q->since_us) / 1000000 : 0;
    f->quota_left_s = q->reset_us > now_us ? (q->reset_us - now_us + 999999) / 1000000 : 0; /* not a second too early */
}

static unsigned of_endpoint(const struct upstream *u, struct advice out[ADVICE_MAX])
{
    const struct worker *w = u->worker;
    uint64_t now_ms = worker_now_ms(w);
    struct advice_facts f = {.up_ms = now_ms - w->started_ms, .unix_s = time(NULL)};
    char text[PROBE_TEXT_CAP];

    if (auth_failed(u->auth))
        f.no_key = auth_why(u->auth);
    if (u->probe.state == PROBE_REFUSED)
        f.foreign = probe_text(&u->probe, &u->chain->expect, text);
    read_breaker(u, &f, now_ms);
    read_sockets(u, &f);
    read_answers(u, &f);
    read_head(u, &f, now_ms);
    read_batches(u, &f, now_ms);
    read_rates(&u->endpoint.limiter, &f, loop_clock_us(w->loop));
    read_quota(&u->endpoint.limiter.quota, &f, loop_clock_us(w->loop));
    return advice_endpoint(&f, out);
}

static unsigned of_gateway(const struct worker *w, struct advice out[ADVICE_MAX])
{
    struct advice_common c = {
        .sockets = w->n_sockets,
        .sockets_max = w->conf->limits.max_upstream_sockets,
        .clients = w->n_sessions,
        .clients_max = w->conf->limits.max_clients,
        .retries = w->stats.retries,
        .retries_over_budget = w->stats.retries_over_budget,
    };

    return advice_gateway(&c, out);
}

/* u NULL: of the gateway. */
typedef int put_fn(const struct upstream *u, const struct advice *a, struct buf *out);

static int put_all(const struct worker *w, put_fn *put, struct buf *out)
{
    struct advice rows[ADVICE_MAX];
    unsigned n = of_gateway(w, rows);
    int r = 0;

    for (unsigned i = 0; i < n && r == 0; i++)
        r = put(NULL, &rows[i], out);
    for (size_t c = 0; c < w->n_chains; c++)
        for (unsigned k = 0; k < w->chains[c]->n_upstreams; k++) {
            const struct upstream *u = w->chains[c]->upstreams[k];

            n = of_endpoint(u, rows);
            for (unsigned i = 0; i < n && r == 0; i++)
                r = put(u, &rows[i], out);
        }
    return r;
}

static int member(struct buf *out, const char *name, const char *text)
{
    int r = jout_key(out, name);

    return r ? r : jout_string(out, slice_str(text));
}

static int put_json(const struct upstream *u, const struct advice *a, struct buf *out)
{
    int r = jout_sep(out);

    r = r ? r : buf_str(out, "{");
    if (u) {
        r = r ? r : member(out, "chain", u->chain->conf->name);
        r = r ? r : member(out, "endpoint", u->endpoint.conf->name);
    }
    r = r ? r : member(out, "name", a->name);
    r = r ? r : member(out, "seen", a->seen);
    r = r ? r : member(out, "todo", a->todo);
    return r ? r : buf_str(out, "}");
}

int recommend_json(const struct worker *w, struct buf *out)
{
    int r = buf_str(out, "[");

    r = r ? r : put_all(w, put_json, out);
    return r ? r : buf_str(out, "]");
}

static int put_text(const struct upstream *u, const struct advice *a, struct buf *out)
{
    if (u)
        return buf_printf(out, "  %s/%s: %s: %s. %s\n", u->chain->conf->name, u->endpoint.conf->name, a->name, a->seen,
                          a->todo);
    return buf_printf(out, "  %s: %s. %s\n", a->name, a->seen, a->todo);
}

int recommend_text(const struct worker *w, struct buf *out)
{
    static const char title[] = "\nrecommendations\n";
    size_t before = out->n;
    int r = buf_str(out, title);

    r = r ? r : put_all(w, put_text, out);
    if (r == 0 && out->n == before + sizeof title - 1)
        out->n = before;
    return r;
}
