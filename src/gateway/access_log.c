#include "gateway/access_log.h"

#include "base/log.h"
#include "gateway/chain.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "io/stream.h"
#include "rpc/error.h"
#include "rpc/flight.h"

enum { PEER_CAP = 64 };

static const char *outcome(enum fail fail, bool is_error, char reason[ERROR_REASON_CAP])
{
    return fail ? error_reason(fail, reason) : is_error ? "error" : "result";
}

void access_log_call(const struct exchange *x, const struct flight *f, const struct upstream *at, bool is_error,
                     size_t bytes, enum fail fail)
{
    struct worker *w = x->session->worker;
    char reason[ERROR_REASON_CAP], peer[PEER_CAP];

    if (!w->conf->access_log)
        return;
    log_event(LOG_INFO, "call", LOG_S("client", stream_peer(x->session->stream, peer, sizeof peer)),
              LOG_S("chain", x->chain->conf->name), LOG_S("method", f ? f->method->name : "-"),
              LOG_S("endpoint", at ? at->endpoint.conf->name : "-"), LOG_S("outcome", outcome(fail, is_error, reason)),
              LOG_U("bytes", bytes), LOG_U("us", worker_clock_us(w) - x->start_us));
}

void access_log_own(const struct exchange *x, const struct method *m, size_t bytes)
{
    struct worker *w = x->session->worker;
    char peer[PEER_CAP];

    if (!w->conf->access_log)
        return;
    log_event(LOG_INFO, "call", LOG_S("client", stream_peer(x->session->stream, peer, sizeof peer)),
              LOG_S("chain", x->chain->conf->name), LOG_S("method", m->name), LOG_S("endpoint", "-"),
              LOG_S("outcome", "result"), LOG_U("bytes", bytes), LOG_U("us", worker_clock_us(w) - x->start_us));
}

void access_log_refused(const struct exchange *x, enum fail fail)
{
    struct worker *w = x->session->worker;
    char reason[ERROR_REASON_CAP], peer[PEER_CAP];

    if (!w->conf->access_log)
        return;
    log_event(LOG_INFO, "refused", LOG_S("client", stream_peer(x->session->stream, peer, sizeof peer)),
              LOG_U("status", x->status), LOG_S("reason", error_reason(fail, reason)));
}
