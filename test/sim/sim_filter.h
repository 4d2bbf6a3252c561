/* sim_filter.h - the filters of the simulation: which endpoint holds one, and under which name its client knows it.
 * Endpoints count their filters, so that all of them give out the same ids. */
#ifndef SIM_FILTER_H
#define SIM_FILTER_H

#include "base/buf.h"
#include "sim_ask.h"
#include "sim_node.h"

/* A client polls: appends params, with a name that somebody was given, or one that nobody was.  Returns ask.given. */
unsigned filter_draw(struct world *w, const struct sim_chain *c, struct buf *b);

/* An endpoint makes one, is asked for one, loses them all. */
void filter_make(struct node *n, struct ask *a);
void filter_poll(struct node *n, struct ask *a);
void filter_lose(struct node *n);
uint64_t filter_hash(unsigned node, unsigned own); /* sim_served.hash of a poll */

/* A client has its answer: payload is a result.  false: not of the right form. */
bool filter_judge_made(struct world *w, unsigned client, const struct sim_chain *c, unsigned scope, const struct ask *a,
                       struct slice payload);
/* Also what ask_check says of others. */
bool filter_judge_poll(struct world *w, unsigned client, const struct sim_chain *c, unsigned scope, struct ask *a,
                       struct slice payload, uint64_t *head, uint64_t *serial);

#endif
