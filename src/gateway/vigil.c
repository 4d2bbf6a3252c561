#include "gateway/vigil.h"

#include "base/fixed.h"
#include "gateway/chain.h"
#include "gateway/link.h"
#include "gateway/route.h"
#include "gateway/standing.h"
#include "gateway/worker.h"
#include "rpc/flight.h"

enum {
    LINKS = 256,      /* of one endpoint: a bound */
    REFRESH_MS = 128, /* scores, for those that get no answers */
    LATE_US = 4000,   /* no call is late sooner, */
    LATE_OCTAVES = 4, /* nor before it has taken 16 times what is usual */
    /* An endpoint that says nothing for so long, to as many late requests as its breaker takes for a verdict, is not
     * waited for: one alone may be a question that is heavier than others of its method. */
    SILENT_US = 1000000,
    /* Before that it is asked for its head: who has an answer to that works on what takes long. */
    DOUBTFUL_US = SILENT_US / 2
};

/* Nothing came from its endpoint for long, to f, which is late, or to anyone. */
static bool is_silent(const struct chain *c, const struct flight *f, uint64_t us, uint64_t now_us, uint64_t least_us)
{
    return us >= least_us && now_us - c->standing.heard_us[f->upstream->index] >= least_us;
}

/* f has been under way for so long that it counts, once.  true: in a silence of at least so long. */
static bool look_at(struct chain *c, struct flight *f, uint64_t now_us, uint64_t least_us)
{
    uint64_t us = now_us - f->sent_us;

    if (latency_table_compare(&c->standing.latency, f->method->slot, us) < LATE_OCTAVES * FIXED_ONE)
        return false;
    if (f->late) /* a second look: the turns since the first one brought nothing */
        return is_silent(c, f, us, now_us, least_us);
    f->late = true;
    standing_late(c->worker, f);
    return false;
}

static bool may_leave(const struct chain *c, const struct flight *f)
{
    if (f->part == FLIGHT_HEDGE)
        return !f->wanted;
    return f->part == FLIGHT_OF_CALLS && f->retry && !f->pinned && flight_may_repeat(f) &&
           standing_usable(c) & ~(UINT64_C(1) << f->upstream->index | f->tried | c->avoid);
}

/* f is not waited for, though its time is not over: it is asked elsewhere. */
static void leave(struct chain *c, struct flight *f)
{
    if (f->part == FLIGHT_HEDGE) /* it is dropped without a word, but the silence counts */
        standing_failed(c->worker, f, &(struct route_failure){.fail = FAIL_UPSTREAM_TIMEOUT});
    f->try_until_ms = worker_now_ms(c->worker);
    route_arm(c->worker, f);
}

/* How many links carry something in a silence of at least so long; part: those that may leave it do. */
static unsigned look_at_links(struct chain *c, const struct pool *p, uint64_t now_us, uint64_t least_us, bool part)
{
    unsigned n = 0, silent = 0;

    for (struct list *it = p->busy.next; it != &p->busy && n < LINKS; it = it->next, n++) {
        const struct link *k = container_of(container_of(it, struct pool_member, node), struct link, member);
        bool is = false;

        for (unsigned i = 0; i < k->n_seats; i++) {
            struct flight *f = k->seats[i].flight;

            if (!f)
                continue;
            if (now_us - f->sent_us < LATE_US)
                return silent;               /* the longest busy ones are first */
            if (k->stalled || link_began(k)) /* we do not listen; or it is speaking */
                break;
            if (!look_at(c, f, now_us, least_us))
                continue;
            is |= !f->heavy; /* some take a hundred times as long as others: no verdict, but they follow one */
            if (part && may_leave(c, f))
                leave(c, f);
        }
        silent += is;
    }
    return silent;
}

void vigil_look(struct chain *c)
{
    struct standing *s = &c->standing;
    uint64_t now_ms = worker_now_ms(c->worker), now_us = worker_clock_us(c->worker);

    s->looked_ms = now_ms;
    if (now_ms - s->refreshed_ms >= REFRESH_MS) {
        s->refreshed_ms = now_ms;
        standing_refresh(c);
    }
    for (unsigned i = 0; i < c->n_upstreams; i++) {
        struct upstream *u = c->upstreams[i];
        const struct pool *p = &u->endpoint.pool;
        unsigned enough = upstream_is_down(u) ? 1 : c->conf->breaker.failures; /* there is a verdict already */

        if (!u->n_wire || look_at_links(c, p, now_us, DOUBTFUL_US, false) < enough)
            continue;
        watch_doubted(u);
        if (look_at_links(c, p, now_us, SILENT_US, false) >= enough)
            look_at_links(c, p, now_us, SILENT_US, true);
    }
}
