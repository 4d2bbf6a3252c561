#include "sim_archive.h"

#include <inttypes.h>

#include "gateway/chain.h"
#include "gateway/choose.h"
#include "gateway/worker.h"
#include "rpc/flight.h"
#include "sim_ask.h"
#include "sim_excuse.h"
#include "sim_fault.h"
#include "sim_flight.h"
#include "sim_node.h"

enum { ENOUGH = 2 /* turns that something was so, before a choice must know it */ };

void archive_asked(struct node *n, struct fault_element *e)
{
    const struct flight *f;

    e->pruned = n->pruned && e->ask.old;
    if (!e->pruned)
        return;
    f = sim_flight(n->w, e->number);
    n->w->served[e->serial].dated = f && f->depth && f->depth != ARCHIVE_UNKNOWN;
    if (n->w->served[e->serial].dated && !n->lack_turns)
        n->lack_serial = (unsigned)e->serial + 1;
}

/* The late answer of two says nothing to the gateway. */
static void note_lack(struct node *n)
{
    const struct sim_served *s = n->lack_serial ? &n->w->served[n->lack_serial - 1] : NULL;

    if (n->lack_turns)
        n->lack_turns++;
    else if (s && s->pruned && !s->batched && !n->w->gateway->stats.hedges && excuse_was_read(s))
        n->lack_turns = 1;
}

/* A client's own credential may be the reason for what it is refused; when a clock leaps, all may be forgotten; and on
 * a chain that was rolled back the same block is not as old as it was. */
static bool is_known_to_lack(const struct node *n)
{
    return n->lack_turns > ENOUGH && !n->forwards && !n->w->p.jumps && !n->chain->rolled_us;
}

/* It set out in this turn. */
static bool is_new_choice(const struct world *w, const struct flight *f)
{
    return f->part == FLIGHT_OF_CALLS && !f->pinned && !f->in_unit && !f->trial && f->upstream && !f->sends &&
           !f->moves && (f->state == FLIGHT_QUEUED || f->state == FLIGHT_WIRE) && f->id >= w->last_turn_id;
}

static void check_choice(struct world *w, const struct flight *f)
{
    const struct chain *c = f->chain;
    const struct node *n;

    if (!is_new_choice(w, f) || !ask_names_old(flight_params(f)))
        return;
    n = node_at(w, f->upstream->target.port);
    if (!is_known_to_lack(n))
        return;
    for (unsigned k = 0; k < c->n_upstreams; k++) {
        const struct node *other = node_at(w, c->upstreams[k]->target.port);

        sim_check(w, other->pruned || other->fit_turns < ENOUGH || (f->tried | choose_lacking(f)) >> k & 1,
                  "call %" PRIu64 " (%s) about an old block goes to %s, which has said that it lacks it, and not to %s",
                  f->id, f->method->name, n->name, other->name);
    }
}

void archive_check_turn(struct world *w)
{
    const struct heap *h = &w->gateway->flights_due;

    if (!w->p.pruned)
        return;
    for (unsigned i = 0; i < w->n_nodes; i++)
        note_lack(w->nodes[i]);
    for (size_t i = 0; i < h->n; i++)
        check_choice(w, container_of(h->v[i], struct flight, due));
    w->last_turn_id = w->gateway->next_id;
}
