#include "admin/table.h"

#include "admin/recommend.h"
#include "admin/version.h"
#include "gateway/chain.h"
#include "gateway/worker.h"
#include "rpc/error.h"
#include "rpc/method.h"
#include "upstream/batch_learned.h"

static int endpoint_row(const struct upstream *u, struct buf *out)
{
    const struct endpoint *e = &u->endpoint;
    const struct pool *p = &e->pool;
    const struct hist *h = &e->stats.latency;
    uint64_t all = p->carried_new + p->carried_reused, failed = 0;

    for (unsigned i = 1; i < FAIL_COUNT; i++)
        failed += e->stats.failures[i];
    return buf_printf(out, "%-12s %-20s %-8s %6u %6u %6u %7u %6.1f%% %10llu %8llu %8llu %8.1f %8.1f %8.1f\n",
                      u->chain->conf->name, e->conf->name, upstream_state(u), p->n_busy, p->n_idle, p->n_dialling,
                      u->n_waiting, all ? 100.0 * (double)p->carried_reused / (double)all : 0.0,
                      (unsigned long long)e->stats.calls, (unsigned long long)e->stats.rpc_errors,
                      (unsigned long long)failed, (double)hist_quantile(h, 0.5) / 1e3,
                      (double)hist_quantile(h, 0.9) / 1e3, (double)hist_quantile(h, 0.99) / 1e3);
}

static int endpoint_reasons(const struct upstream *u, struct buf *out)
{
    char reason[ERROR_REASON_CAP], text[UPSTREAM_WHY_CAP];
    int r = 0;

    for (unsigned i = 1; i < FAIL_COUNT && r == 0; i++)
        if (u->endpoint.stats.failures[i])
            r = buf_printf(out, "  %s/%s: %s: %llu\n", u->chain->conf->name, u->endpoint.conf->name,
                           error_reason((enum fail)i, reason), (unsigned long long)u->endpoint.stats.failures[i]);
    if (r == 0 && upstream_why(u, text) != FAIL_NONE)
        r = buf_printf(out, "  %s/%s: %s: %s\n", u->chain->conf->name, u->endpoint.conf->name, upstream_state(u), text);
    if (r == 0 && u->probe.state == PROBE_UNVERIFIED)
        r = buf_printf(out, "  %s/%s: unverified: %s\n", u->chain->conf->name, u->endpoint.conf->name,
                       probe_text(&u->probe, &u->chain->expect, text));
    return r;
}

static int batch_row(const struct upstream *u, struct buf *out)
{
    const struct endpoint *e = &u->endpoint;
    const struct endpoint_stats *s = &e->stats;
    const struct hist *n = &s->batch_calls, *wait = &s->boarding_wait_us;
    int r = buf_printf(out, "%-12s %-20s %10llu %10llu %8.1f %6llu %8llu %8llu %9.1f %9.1f  ", u->chain->conf->name,
                       e->conf->name, (unsigned long long)n->count, (unsigned long long)s->batches,
                       n->count ? (double)n->sum_us / (double)n->count : 0.0, (unsigned long long)n->max_us,
                       (unsigned long long)s->batch_refused, (unsigned long long)s->batch_splits,
                       (double)hist_quantile(wait, 0.5) / 1e3, (double)hist_quantile(wait, 0.99) / 1e3);
    size_t before = out->n;

    r = r ? r : batch_learned(&e->limits, &e->conf->batch, worker_now_ms(u->worker), out);
    if (r == 0 && out->n == before)
        r = buf_str(out, e->conf->batch.mode == BATCH_OFF ? "off" : "-");
    return r ? r : buf_str(out, "\n");
}

static int method_rows(const struct chain *c, struct buf *out)
{
    int r = 0;

    for (unsigned m = 0; m < method_slots() && r == 0; m++) {
        const struct method_stats *s = c->methods[m];

        if (s)
            r = buf_printf(out, "%-12s %-36s %10llu %8llu %8llu %8llu %8.1f %8.1f %8.1f\n", c->conf->name,
                           method_at(m)->name, (unsigned long long)s->calls, (unsigned long long)s->rpc_errors,
                           (unsigned long long)s->failures, (unsigned long long)s->coalesced,
                           (double)hist_quantile(&s->latency, 0.5) / 1e3, (double)hist_quantile(&s->latency, 0.9) / 1e3,
                           (double)hist_quantile(&s->latency, 0.99) / 1e3);
    }
    return r;
}

typedef int upstream_fn(const struct upstream *u, struct buf *out);

static int each_upstream(const struct worker *w, upstream_fn *fn, struct buf *out)
{
    int r = 0;

    for (size_t i = 0; i < w->n_chains; i++)
        for (unsigned k = 0; k < w->chains[i]->n_upstreams && r == 0; k++)
            r = fn(w->chains[i]->upstreams[k], out);
    return r;
}

int table_write(const struct worker *w, struct buf *out)
{
    int r = buf_printf(out, "millrace %s, %s, up %.0f s, %u clients, %u calls in flight, %u upstream sockets\n\n",
                       version_text(), w->draining ? "draining" : "running",
                       (double)(worker_now_ms(w) - w->started_ms) / 1e3, w->n_sessions, w->n_flights, w->n_sockets);

    r = r ? r
          : buf_printf(out, "%-12s %-20s %-8s %6s %6s %6s %7s %7s %10s %8s %8s %8s %8s %8s\n", "chain", "endpoint",
                       "state", "active", "idle", "dial", "waiting", "reuse", "calls", "errors", "failed", "p50 ms",
                       "p90 ms", "p99 ms");
    r = r ? r : each_upstream(w, endpoint_row, out);
    r = r ? r : each_upstream(w, endpoint_reasons, out);
    r = r ? r : recommend_text(w, out);
    r = r ? r
          : buf_printf(out, "\n%-12s %-20s %10s %10s %8s %6s %8s %8s %9s %9s  %s\n", "chain", "endpoint", "requests",
                       "batches", "calls/rq", "most", "refused", "splits", "wait p50", "p99 ms", "learned");
    r = r ? r : each_upstream(w, batch_row, out);
    r = r ? r
          : buf_printf(out, "\n%-12s %-36s %10s %8s %8s %8s %8s %8s %8s\n", "chain", "method", "calls", "errors",
                       "failed", "joined", "p50 ms", "p90 ms", "p99 ms");
    for (size_t i = 0; i < w->n_chains && r == 0; i++)
        r = method_rows(w->chains[i], out);
    return r;
}
