#include "gateway/gateway.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/signals.h"

enum {
    DESCRIPTORS_FULL_PERCENT =
        95,            /* Envoy's threshold for refusing connections: what is left is for upstream sockets */
    ADMIN_CLIENTS = 64 /* on the admin port: who looks on must not take the descriptors of those who call */
};

enum {
    END_MS = 2000
}; /* for what still lingers after the end: polite goodbyes, name lookups that cannot be called back */

enum gateway_state { GATEWAY_RUNS, GATEWAY_DRAINS, GATEWAY_ENDED };

struct gateway {
    enum gateway_state state;
    const struct config *conf;
    struct loop *loop;
    struct worker *worker;
    struct signals *signals;
    struct loop_timer end_timer;
    bool stuck;
    struct listener **service, **admin;
    unsigned n_service, n_admin;
};

static bool is_full(const struct gateway *g, bool admin)
{
    const struct worker *w = g->worker;
    unsigned max = w->max_descriptors;

    if (admin)
        return w->n_sessions - w->n_sessions_service >= ADMIN_CLIENTS;
    return w->n_sessions_service >= g->conf->limits.max_clients ||
           (max && (w->n_sessions + w->n_sockets) * 100ull >= max * (unsigned long long)DESCRIPTORS_FULL_PERCENT);
}

static void on_accept(struct gateway *g, struct stream *s, bool admin)
{
    if (is_full(g, admin))
        session_refuse(g->worker, s);
    else
        session_open(g->worker, s, admin);
}

static void on_accept_service(void *owner, struct listener *l, struct stream *s)
{
    (void)l;
    on_accept(owner, s, false);
}

static void on_accept_admin(void *owner, struct listener *l, struct stream *s)
{
    (void)l;
    on_accept(owner, s, true);
}

static void on_exhausted(void *owner, struct listener *l, int err)
{
    struct gateway *g = owner;

    if (g->worker->stats.accept_exhausted++ % 100 == 0) /* it repeats each 100 ms while it lasts */
        log_event(LOG_WARN, "accept_paused", LOG_S("listener", listener_address(l)), LOG_I("error", err));
}

static const struct listener_ops service_ops = {on_accept_service, on_exhausted};
static const struct listener_ops admin_ops = {on_accept_admin, on_exhausted};

static void stop_listening(struct gateway *g)
{
    while (g->n_service)
        listener_close(g->service[--g->n_service]);
    while (g->n_admin)
        listener_close(g->admin[--g->n_admin]);
}

static void on_end_timer(struct loop_timer *t)
{
    struct gateway *g = (struct gateway *)((char *)t - offsetof(struct gateway, end_timer));

    g->stuck = true;
    loop_stop(g->loop);
}

static const int signal_numbers[] = {SIGTERM, SIGINT, SIGHUP};
enum { SIGNALS = sizeof signal_numbers / sizeof signal_numbers[0] };

static void end(struct gateway *g)
{
    g->state = GATEWAY_ENDED;
    g->end_timer.fire = on_end_timer;
    loop_timer_set(g->loop, &g->end_timer, loop_now_ms(g->loop) + END_MS);
    stop_listening(g);
    g->signals = signals_close(g->signals);
    /* Last answers linger for a moment: one more signal must not turn a good end into a killed one. */
    for (unsigned i = 0; i < SIGNALS; i++)
        signal(signal_numbers[i], SIG_IGN);
    loop_finish(g->loop);
}

static void on_turn(void *owner)
{
    struct gateway *g = owner;

    if (g->state == GATEWAY_ENDED || !g->worker)
        return;
    worker_drive(g->worker);
    if (g->state == GATEWAY_DRAINS && worker_closed(g->worker))
        end(g);
}

static void on_signal(void *owner, int number)
{
    struct gateway *g = owner;

    if (number == SIGHUP) {
        log_event(LOG_WARN, "reload_not_supported", LOG_S("hint", "restart to read the configuration again"));
        return;
    }
    if (g->state == GATEWAY_RUNS) {
        g->state = GATEWAY_DRAINS;
        for (unsigned i = 0; i < g->n_service; i++)
            listener_last_call(g->service[i]);
        stop_listening(g);
        log_event(LOG_INFO, "draining", LOG_U("clients", g->worker->n_sessions), LOG_U("calls", g->worker->n_flights),
                  LOG_U("timeout_ms", g->conf->limits.drain_timeout_ms));
        worker_drain(g->worker, loop_now_ms(g->loop) + g->conf->limits.drain_timeout_ms);
        return;
    }
    log_event(LOG_WARN, "stopping_now", LOG_U("calls", g->worker->n_flights));
    worker_close(g->worker);
}

static int listen_all(struct gateway *g, struct listener ***v, unsigned *n, const char *const *addresses, size_t count,
                      const struct listener_ops *ops)
{
    *v = mem_array(count, sizeof **v);
    for (size_t i = 0; i < count; i++) {
        int r = listener_new(&(*v)[i], g->loop, addresses[i], ops, g);

        if (r < 0) {
            log_event(LOG_ERROR, "listen_failed", LOG_S("address", addresses[i]), LOG_S("why", strerror(-r)));
            return r;
        }
        ++*n;
    }
    return 0;
}

static void warn_few_descriptors(const struct gateway *g)
{
    const struct limits_conf *lim = &g->conf->limits;

    if (g->worker->max_descriptors && lim->max_clients + lim->max_upstream_sockets > g->worker->descriptors_low)
        log_event(LOG_WARN, "few_descriptors", LOG_U("limit", g->worker->max_descriptors),
                  LOG_U("max_clients", lim->max_clients), LOG_U("max_upstream_sockets", lim->max_upstream_sockets),
                  LOG_S("hint", "raise the limit of open files (ulimit -n), or lower these"));
}

int gateway_new(struct gateway **out, const struct config *conf)
{
    static const struct loop_ops ops = {on_turn};
    struct gateway *g = mem_zero(sizeof *g);
    int r;

    g->conf = conf;
    r = loop_new(&g->loop, &ops, g);
    if (r < 0) {
        free(g);
        return r;
    }
    g->worker = worker_new(conf, g->loop);
    if (!g->worker)
        r = -EINVAL; /* what is wrong was logged where it was found */
    if (r == 0)
        warn_few_descriptors(g);
    if (r == 0)
        r = listen_all(g, &g->service, &g->n_service, conf->listen, conf->n_listen, &service_ops);
    if (r == 0)
        r = listen_all(g, &g->admin, &g->n_admin, conf->admin, conf->n_admin, &admin_ops);
    if (r == 0)
        r = signals_new(&g->signals, g->loop, signal_numbers, SIGNALS, on_signal, g);
    if (r < 0) {
        gateway_free(g);
        return r;
    }
    *out = g;
    return 0;
}

int gateway_run(struct gateway *g)
{
    int r;

    worker_start(g->worker);
    r = loop_run(g->loop);
    return r == 0 && g->stuck ? GATEWAY_STUCK : r;
}

struct gateway *gateway_free(struct gateway *g)
{
    if (!g)
        return NULL;
    if (g->state != GATEWAY_ENDED) {
        if (g->worker)
            worker_close(g->worker);
        end(g);
        loop_run(g->loop);
    }
    worker_free(g->worker);
    loop_timer_clear(g->loop, &g->end_timer);
    loop_free(g->loop);
    free(g->service);
    free(g->admin);
    free(g);
    return NULL;
}

const char *gateway_address(const struct gateway *g, unsigned i)
{
    return i < g->n_service ? listener_address(g->service[i]) : NULL;
}

const char *gateway_admin_address(const struct gateway *g, unsigned i)
{
    return i < g->n_admin ? listener_address(g->admin[i]) : NULL;
}

const struct worker *gateway_worker(const struct gateway *g)
{
    return g->worker;
}
