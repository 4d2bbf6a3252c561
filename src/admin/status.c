#include "admin/status.h"

#include "admin/recommend.h"
#include "admin/version.h"
#include "cache/cache.h"
#include "gateway/auth.h"
#include "gateway/chain.h"
#include "gateway/link.h"
#include "gateway/worker.h"
#include "http/version.h"
#include "io/loop.h"
#include "io/version.h"
#include "rpc/error.h"
#include "rpc/method.h"
#include "upstream/batch_learned.h"
#include "upstream/limiter_text.h"
#include "json/jout.h"

enum { LEARNED_MAX = 4096 };

/* The first error sticks. */
struct page {
    const struct worker *w;
    struct buf *out;
    bool sockets;
    int r;
};

static void raw(struct page *p, const char *text)
{
    p->r = p->r ? p->r : buf_str(p->out, text);
}

static void key(struct page *p, const char *name)
{
    p->r = p->r ? p->r : jout_key(p->out, name);
}

static void num(struct page *p, const char *name, uint64_t v)
{
    key(p, name);
    p->r = p->r ? p->r : jout_u64(p->out, v);
}

static void str(struct page *p, const char *name, const char *v)
{
    key(p, name);
    p->r = p->r ? p->r : jout_string(p->out, slice_str(v));
}

static void open_object(struct page *p, const char *name)
{
    if (name)
        key(p, name);
    else
        p->r = p->r ? p->r : jout_sep(p->out);
    raw(p, "{");
}

static void spread(struct page *p, const char *name, const struct hist *h)
{
    open_object(p, name);
    num(p, "count", h->count);
    num(p, "p50", hist_quantile(h, 0.50));
    num(p, "p90", hist_quantile(h, 0.90));
    num(p, "p99", hist_quantile(h, 0.99));
    num(p, "max", h->max_us);
    raw(p, "}");
}

static void latency(struct page *p, const struct hist *h)
{
    spread(p, "latency_us", h);
}

static void broadcasts(struct page *p, const struct endpoint_stats *e)
{
    open_object(p, "broadcasts");
    num(p, "accepted", e->broadcasts[BROADCAST_LEG_ACCEPTED]);
    num(p, "known", e->broadcasts[BROADCAST_LEG_KNOWN]);
    num(p, "refused", e->broadcasts[BROADCAST_LEG_REFUSED]);
    num(p, "failed", e->broadcasts[BROADCAST_LEG_FAILED]);
    spread(p, "answer_us", &e->broadcast_us);
    raw(p, "}");
}

static void failures(struct page *p, const char *name, const uint64_t v[FAIL_COUNT])
{
    char reason[ERROR_REASON_CAP];

    open_object(p, name);
    for (unsigned i = 1; i < FAIL_COUNT; i++)
        if (v[i])
            num(p, error_reason((enum fail)i, reason), v[i]);
    raw(p, "}");
}

static const char *state_name(const struct pool_member *m)
{
    return m->state == POOL_IDLE ? "idle" : m->state == POOL_BUSY ? "active" : "dialling";
}

static void sockets_of(struct page *p, const struct list *members, uint64_t now_ms)
{
    list_each (it, members) {
        const struct pool_member *m = container_of(it, struct pool_member, node);

        open_object(p, NULL);
        str(p, "state", state_name(m));
        num(p, "age_ms", now_ms - m->born_ms);
        num(p, "in_state_ms", now_ms - m->since_ms);
        num(p, "calls", m->carried);
        raw(p, "}");
    }
}

static void batch(struct page *p, const struct endpoint *e)
{
    static const char *const modes[] = {[BATCH_AUTO] = "auto", [BATCH_OFF] = "off", [BATCH_ALWAYS] = "always"};
    const struct batch_conf *conf = &e->conf->batch;
    uint64_t now_ms = worker_now_ms(p->w);
    struct batch_now now = batch_now(&e->limits, conf, now_ms);
    struct buf text;

    open_object(p, "batch");
    str(p, "mode", modes[conf->mode]);
    num(p, "max_calls", now.calls);
    num(p, "max_bytes", now.bytes);
    buf_init(&text, LEARNED_MAX);
    p->r = p->r ? p->r : batch_learned(&e->limits, conf, now_ms, &text);
    key(p, "learned");
    p->r = p->r ? p->r : jout_string(p->out, buf_get(&text));
    buf_deinit(&text);
    num(p, "batches", e->stats.batches);
    num(p, "refused", e->stats.batch_refused);
    num(p, "splits", e->stats.batch_splits);
    spread(p, "calls", &e->stats.batch_calls);
    spread(p, "boarding_us", &e->stats.boarding_wait_us);
    raw(p, "}");
}

static void identity(struct page *p, const struct upstream *u)
{
    char text[PROBE_TEXT_CAP];

    if (u->probe.state == PROBE_OFF)
        return;
    open_object(p, "identity");
    str(p, "state", probe_state_name(u->probe.state));
    if (*u->probe.said)
        str(p, "said", u->probe.said);
    if (u->probe.state != PROBE_VERIFIED)
        str(p, "detail", probe_text(&u->probe, &u->chain->expect, text));
    raw(p, "}");
}

static void head(struct page *p, const struct upstream *u)
{
    const struct heads *h = &u->chain->heads;
    const struct freshness *f = &h->of[h->watching.kind];
    uint64_t bit = UINT64_C(1) << u->index;

    if (!(f->heard & bit))
        return;
    open_object(p, "head");
    num(p, "number", f->head[u->index]);
    num(p, "behind", freshness_lag(f, u->index));
    num(p, "behind_ms", u->behind_since_ms ? worker_now_ms(p->w) - u->behind_since_ms : 0);
    num(p, "heard_ms_ago", worker_now_ms(p->w) - f->at_ms[u->index]);
    num(p, "doubted", (f->doubted & bit) != 0);
    num(p, "syncing", (h->syncing & bit) != 0);
    raw(p, "}");
}

/* What it lacks: old blocks up to the one that is told, and methods; as configured and as learned. */
static void archive(struct page *p, const struct upstream *u)
{
    const struct chain *c = u->chain;
    const struct freshness *f = c->heads.of;
    uint64_t now_ms = worker_now_ms(p->w), top = 0;
    enum setting said = u->endpoint.conf->archive;

    if (c->n_upstreams == 1)
        return;
    for (unsigned i = 0; i < HEAD_KINDS; i++)
        top = f[i].number > top ? f[i].number : top;
    open_object(p, "archive");
    str(p, "configured", said == SETTING_ABSENT ? "learn" : said == SETTING_ON ? "true" : "false");
    open_object(p, "lacks_up_to");
    for (unsigned k = 0; k < ARCHIVE_KINDS; k++) {
        uint64_t from = archive_missing(&c->old.archive, u->index, (enum archive_kind)k, now_ms);

        if (from <= top)
            num(p, archive_kind_name((enum archive_kind)k), top - from);
    }
    raw(p, "}");
    key(p, "lacks_methods");
    raw(p, "[");
    for (unsigned m = 0; m < method_slots(); m++)
        if (standing_lacking(c, method_at(m)) >> u->index & 1) {
            p->r = p->r ? p->r : jout_sep(p->out);
            p->r = p->r ? p->r : jout_string(p->out, slice_str(method_at(m)->name));
        }
    raw(p, "]}");
}

static void replay(struct page *p, const struct upstream *u)
{
    const struct replay *r = &u->watch.replay;

    if (u->chain->conf->family != CHAIN_SOLANA || (!r->told_ms && !r->refusals))
        return;
    open_object(p, "replay");
    if (r->told_ms) {
        num(p, "shreds", r->shreds);
        num(p, "slot", r->slot);
        num(p, "behind", r->behind);
        num(p, "told_ms_ago", worker_now_ms(p->w) - r->told_ms);
    }
    key(p, "late");
    raw(p, r->late ? "true" : "false");
    num(p, "refused", r->refusals);
    raw(p, "}");
}

static void credential(struct page *p, const struct upstream *u)
{
    int64_t left_s = auth_left_s(u->auth);

    open_object(p, "credential");
    str(p, "state", auth_state(u->auth));
    num(p, "generation", u->endpoint.generation);
    if (left_s != INT64_MAX)
        num(p, "expires_in_s", left_s > 0 ? (uint64_t)left_s : 0);
    raw(p, "}");
}

static void bucket(struct page *p, const struct limiter_now *now, unsigned k, const char *name)
{
    if (!now->of[k].top)
        return;
    open_object(p, name);
    num(p, "per_s", now->of[k].per_s);
    num(p, "top_per_s", now->of[k].top);
    num(p, "tokens", now->of[k].tokens);
    raw(p, "}");
}

static void rate_limit(struct page *p, const struct endpoint *e)
{
    uint64_t now_us = loop_clock_us(p->w->loop);
    struct limiter_now now;
    struct buf text;

    limiter_look(&e->limiter, now_us, &now);
    open_object(p, "rate_limit");
    bucket(p, &now, LIMITER_REQUESTS, "requests");
    bucket(p, &now, LIMITER_UNITS, "units");
    if (now.requests_left != LIMITER_NO_END || now.units_left != LIMITER_NO_END) {
        open_object(p, "quota");
        if (now.requests_left != LIMITER_NO_END)
            num(p, "requests_left", now.requests_left);
        if (now.units_left != LIMITER_NO_END)
            num(p, "units_left", now.units_left);
        num(p, "reset_in_s", now.reset_us / 1000000);
        raw(p, "}");
    }
    num(p, "paused_ms", now.pause_us / 1000);
    buf_init(&text, LEARNED_MAX);
    limiter_text(&e->limiter, now_us, &text); /* what fits */
    key(p, "learned");
    p->r = p->r ? p->r : jout_string(p->out, buf_get(&text));
    buf_deinit(&text);
    open_object(p, "refused");
    for (unsigned i = 0; i < LIMIT_KINDS; i++)
        num(p, limit_kind_name((enum limit_kind)i), e->stats.limited[i]);
    raw(p, "}");
    open_object(p, "waited");
    for (unsigned i = LIMITER_FREE + 1; i < LIMITER_WHYS; i++)
        num(p, limiter_why_name((enum limiter_why)i), e->stats.waited[i]);
    raw(p, "}");
    num(p, "slowed", e->stats.slowed);
    raw(p, "}");
}

static void endpoint(struct page *p, const struct upstream *u)
{
    const struct endpoint *e = &u->endpoint;
    const struct pool *q = &e->pool;
    uint64_t now_ms = worker_now_ms(p->w), all = q->carried_new + q->carried_reused;
    char reason[ERROR_REASON_CAP], why[UPSTREAM_WHY_CAP];
    enum fail fail = upstream_why(u, why);

    open_object(p, NULL);
    str(p, "name", e->conf->name);
    str(p, "url", e->redacted);
    num(p, "weight", e->conf->weight);
    num(p, "tier", e->conf->tier);
    str(p, "state", upstream_state(u));
    if (fail != FAIL_NONE) {
        str(p, "reason", error_reason(fail, reason));
        str(p, "detail", why);
    }
    identity(p, u);
    head(p, u);
    archive(p, u);
    replay(p, u);
    if (u->auth)
        credential(p, u);
    open_object(p, "sockets");
    num(p, "active", q->n_busy);
    num(p, "idle", q->n_idle);
    num(p, "dialling", q->n_dialling);
    num(p, "waiting", u->n_waiting);
    num(p, "max", q->conf->max_sockets);
    num(p, "opened", q->opened);
    num(p, "closed", q->closed);
    num(p, "dial_failed", q->dial_failed);
    raw(p, "}");
    open_object(p, "inflight");
    num(p, "calls", u->n_wire);
    if (u->max_wire)
        num(p, "limit", u->max_wire);
    key(p, "adaptive");
    raw(p, e->conf->adaptive_inflight ? "true" : "false");
    raw(p, "}");
    num(p, "requests_new", q->carried_new);
    num(p, "requests_reused", q->carried_reused);
    key(p, "reuse_ratio");
    p->r = p->r ? p->r : buf_printf(p->out, "%.4f", all ? (double)q->carried_reused / (double)all : 0.0);
    num(p, "calls", e->stats.calls);
    num(p, "rpc_errors", e->stats.rpc_errors);
    num(p, "moved", e->stats.moved);
    failures(p, "errors", e->stats.failures);
    num(p, "bytes_in", e->stats.bytes_in);
    num(p, "bytes_out", e->stats.bytes_out);
    if (u->tls) {
        num(p, "tls_handshakes_full", e->stats.tls_full);
        num(p, "tls_handshakes_resumed", e->stats.tls_resumed);
    }
    latency(p, &e->stats.latency);
    rate_limit(p, e);
    batch(p, e);
    broadcasts(p, &e->stats);
    if (p->sockets) {
        key(p, "socket_list");
        raw(p, "[");
        sockets_of(p, &q->busy, now_ms);
        sockets_of(p, &q->idle, now_ms);
        sockets_of(p, &q->dialling, now_ms);
        raw(p, "]");
    }
    raw(p, "}");
}

static void cache(struct page *p, const struct cache_counts *n)
{
    open_object(p, "cache");
    open_object(p, "hits");
    for (unsigned i = 0; i < CACHE_RULE_COUNT; i++)
        if (n->hits[i])
            num(p, cache_rule_name((enum cache_rule_kind)i), n->hits[i]);
    raw(p, "}");
    num(p, "misses", n->misses);
    num(p, "dropped_for_room", n->evictions);
    num(p, "dropped_by_head", n->voided);
    num(p, "answers", n->entries);
    num(p, "bytes", n->bytes);
    raw(p, "}");
}

static void chain(struct page *p, const struct chain *c)
{
    const struct upstream *down = NULL;

    open_object(p, c->conf->name);
    str(p, "family", c->conf->family == CHAIN_SOLANA ? "solana" : "evm");
    key(p, "ready");
    raw(p, chain_ready(c, &down) ? "true" : "false");
    if (c->conf->chain_id)
        num(p, "chain_id", c->conf->chain_id);
    if (*c->expect.genesis_hash)
        str(p, "genesis_hash", c->expect.genesis_hash);
    num(p, "answered_from_config", c->answered_itself);
    key(p, "endpoints");
    raw(p, "[");
    for (unsigned i = 0; i < c->n_upstreams; i++)
        endpoint(p, c->upstreams[i]);
    raw(p, "]");
    if (c->cache)
        cache(p, cache_counts(c->cache));
    open_object(p, "methods");
    for (unsigned m = 0; m < method_slots(); m++) {
        const struct method_stats *s = c->methods[m];

        if (!s)
            continue;
        open_object(p, method_at(m)->name);
        num(p, "calls", s->calls);
        num(p, "rpc_errors", s->rpc_errors);
        num(p, "failed", s->failures);
        num(p, "coalesced", s->coalesced);
        latency(p, &s->latency);
        raw(p, "}");
    }
    raw(p, "}}");
}

int status_write(const struct worker *w, bool sockets, struct buf *out)
{
    struct page p = {w, out, sockets, 0};
    struct stats_row rows[STATS_ROWS];

    raw(&p, "{");
    open_object(&p, "build");
    str(&p, "version", version_text());
    str(&p, "libuv", version_libuv());
    str(&p, "mbedtls", version_mbedtls());
    str(&p, "llhttp", version_llhttp());
    str(&p, "compiler", __VERSION__);
    raw(&p, "}");
    num(&p, "uptime_ms", worker_now_ms(w) - w->started_ms);
    num(&p, "started_unix_s", (uint64_t)w->started_unix_s);
    str(&p, "state", w->draining ? "draining" : "running");
    open_object(&p, "clients");
    num(&p, "connections", w->n_sessions);
    num(&p, "service_connections", w->n_sessions_service);
    num(&p, "max", w->conf->limits.max_clients);
    raw(&p, "}");
    num(&p, "inflight_calls", w->n_flights);
    num(&p, "upstream_sockets", w->n_sockets);
    open_object(&p, "bytes");
    num(&p, "client_in", w->stats.client_bytes_in);
    num(&p, "client_out", w->stats.client_bytes_out);
    raw(&p, "}");
    open_object(&p, "counters");
    stats_rows(&w->stats, rows);
    for (unsigned i = 0; i < STATS_ROWS; i++)
        num(&p, rows[i].name, rows[i].value);
    raw(&p, "}");
    failures(&p, "refused", w->failures);
    key(&p, "recommendations");
    p.r = p.r ? p.r : recommend_json(w, out);
    open_object(&p, "chains");
    for (size_t i = 0; i < w->n_chains; i++)
        chain(&p, w->chains[i]);
    raw(&p, "}}\n");
    return p.r;
}
