#include "gateway/vigil.h"

#include "base/fixed.h"
#include "gateway/chain.h"
#include "gateway/link.h"
#include "gateway/route.h"
#include "gateway/standing.h"
#include "gateway/worker.h"
#include "rpc/flight.h"

enum {
    LINKS = 256,        /* of one endpoint: a bound */
    REFRESH_MS = 128,   /* scores, for those that get no answers */
    LATE_US = 4000,     /* no call is late sooner, */
    LATE_OCTAVES = 4,   /* nor before it has taken 16 times what is usual */
    SILENT_US = 300000, /* an endpoint that says nothing for so long, */
    SILENT_OCTAVES = 6  /* and 64 times what is usual, is not waited for */
};

/* Nothing came from it for long, though this has waited longer than anything of its kind. */
static bool is_silent(const struct standing *s, unsigned i, uint64_t us, int32_t slower, uint64_t now_us)
{
    return us >= SILENT_US && slower >= SILENT_OCTAVES * FIXED_ONE && now_us - s->heard_us[i] >= SILENT_US;
}

static bool may_leave(const struct chain *c, const struct flight *f)
{
    if (f->part == FLIGHT_HEDGE)
        return !f->wanted;
    return f->part == FLIGHT_OF_CALLS && f->retry && !f->pinned && flight_may_repeat(f) &&
           standing_usable(c) & ~(UINT64_C(1) << f->upstream->index | f->tried | c->avoid);
}

/* f has been under way for so long that it counts, once.  When its endpoint has fallen silent it is not waited for,
 * though its time is not over: it is asked elsewhere. */
static void look_at(struct chain *c, struct flight *f, uint64_t now_us)
{
    struct standing *s = &c->standing;
    uint64_t us = now_us - f->sent_us;
    int32_t slower = latency_table_compare(&s->latency, f->method->slot, us);

    if (slower < LATE_OCTAVES * FIXED_ONE)
        return;
    if (!f->late) {
        f->late = true; /* a second look finds it only if the turn between them brought nothing */
        standing_late(c->worker, f);
        return;
    }
    if (!is_silent(s, f->upstream->index, us, slower, now_us) || !may_leave(c, f))
        return;
    if (f->part == FLIGHT_HEDGE) /* it is dropped without a word, but the silence counts */
        standing_failed(c->worker, f, &(struct route_failure){.fail = FAIL_UPSTREAM_TIMEOUT});
    f->try_until_ms = worker_now_ms(c->worker);
    route_arm(c->worker, f);
}

static void look_at_links(struct chain *c, const struct pool *p, uint64_t now_us)
{
    unsigned n = 0;

    for (struct list *it = p->busy.next; it != &p->busy && n < LINKS; it = it->next, n++) {
        const struct link *k = container_of(container_of(it, struct pool_member, node), struct link, member);

        for (unsigned i = 0; i < k->n_seats; i++) {
            struct flight *f = k->seats[i].flight;

            if (!f)
                continue;
            if (now_us - f->sent_us < LATE_US)
                return;                      /* the longest busy ones are first */
            if (k->stalled || link_began(k)) /* we do not listen; or it is speaking */
                break;
            look_at(c, f, now_us);
        }
    }
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
    for (unsigned i = 0; i < c->n_upstreams; i++)
        if (c->upstreams[i]->n_wire)
            look_at_links(c, &c->upstreams[i]->endpoint.pool, now_us);
}
