/* sim_dial.c - io/dial.h and what else of io/ the gateway asks for: connections to simulated endpoints; no TLS. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "gateway/worker.h"
#include "io/dial.h"
#include "io/listener.h"
#include "io/tls.h"
#include "sim_loop.h"
#include "sim_node.h"

struct dialer {
    struct world *w;
};

struct dial {
    struct world *w;
    struct node *node;
    struct sim_event end;
    int status;
    enum dial_phase phase;
    void (*done)(void *owner, struct dial_result *r);
    void *owner;
};

struct dialer *dialer_new(struct loop *loop)
{
    struct dialer *d = mem_zero(sizeof *d);

    d->w = sim_loop_world(loop);
    return d;
}

struct dialer *dialer_free(struct dialer *d)
{
    if (d)
        sim_check(d->w, d->w->n_dials == 0, "%u dials are under way at the end", d->w->n_dials);
    free(d);
    return NULL;
}

static void release(struct dial *k)
{
    sim_cancel(k->w, &k->end);
    k->w->n_dials--;
    k->node->n_dials--;
    free(k);
}

static void on_dial_end(struct sim_event *e)
{
    struct dial *k = container_of(e, struct dial, end);
    struct dial_result r = {.status = k->status, .phase = k->phase, .connect_us = 1};
    void (*done)(void *owner, struct dial_result *r) = k->done;
    void *owner = k->owner;
    struct node *n = k->node;

    sim_loop_touch(k->w->loop);
    sim_trace(k->w, "gateway: dial of %s ended: %d", n->name, k->status);
    release(k);
    if (r.status == 0)
        r.stream = node_accept(n);
    else
        snprintf(r.text, sizeof r.text, "simulated failure");
    done(owner, &r);
}

struct dial *dial_start(struct dialer *d, const struct dial_target *t, void (*done)(void *owner, struct dial_result *r),
                        void *owner)
{
    struct world *w = d->w;
    struct dial *k = mem_zero(sizeof *k);
    struct node *n = node_at(w, t->port);
    uint64_t in_us = sim_delay_us(w, 300);

    sim_check(w, n != NULL, "a dial of port %u, where no endpoint is", t->port);
    k->w = w;
    k->node = n;
    k->done = done;
    k->owner = owner;
    k->phase = DIAL_CONNECT;
    k->end.fire = on_dial_end;
    w->n_dials++;
    n->n_dials++;
    sim_check(w, n->n_dials + n->n_sockets <= n->max_sockets, "%s has %u sockets and %u dials, max_sockets is %u",
              n->name, n->n_sockets, n->n_dials, n->max_sockets);
    if (node_is_down(n)) {
        if (sim_chance(w, 300)) {
            k->status = -ETIMEDOUT;
            in_us = t->timeout_ms * 1000;
        } else {
            k->status = -ECONNREFUSED;
        }
    } else if (n->spell.kind == SPELL_BLACK && sim_chance(w, 500)) {
        k->status = -ETIMEDOUT;
        in_us = t->timeout_ms * 1000;
    } else if (!weather_is_calm(w) && (!w->p.weather || weather_is_rough(w)) && sim_chance(w, 20)) {
        k->status = -EHOSTUNREACH;
        k->phase = DIAL_DNS;
    }
    if (in_us > t->timeout_ms * 1000) {
        k->status = -ETIMEDOUT;
        in_us = t->timeout_ms * 1000;
    }
    sim_soon(w, &k->end, in_us);
    return k;
}

struct dial *dial_cancel(struct dial *k)
{
    if (k)
        release(k);
    return NULL;
}

int tls_new(struct tls **out, const struct tls_conf *conf, const char *url_host, char *err, size_t err_cap)
{
    (void)out;
    (void)conf;
    (void)url_host;
    snprintf(err, err_cap, "no TLS in the simulation");
    return -ENOTSUP;
}

struct tls *tls_free(struct tls *t)
{
    (void)t;
    return NULL;
}

int listener_address_check(const char *address)
{
    (void)address;
    return 0;
}
