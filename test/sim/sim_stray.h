/* sim_stray.h - heads that go astray, for a while, in some runs: an endpoint falls far behind, or tells a head that is
 * far beyond the chain's or below it; or the chain itself is rolled back, as a test node is.  Then all is well again,
 * as in sim_weather.h, but for an endpoint that may stay behind for ever.
 *
 * The first endpoint of a chain is sound, so that there is always one to tell the truth; and no two tell the same that
 * is wrong.  What the gateway may then believe, whom it may ask, and what its clients may be shown, is checked here. */
#ifndef SIM_STRAY_H
#define SIM_STRAY_H

#include "sim_ask.h"

enum stray {
    STRAY_NONE,
    STRAY_BEHIND, /* its head stands still */
    STRAY_AHEAD,  /* it tells a head that is nobody's, far beyond */
    STRAY_BELOW   /* or one that is far too low */
};

struct node;
struct buf;

void stray_draw_chain(struct world *w, struct sim_chain *c); /* before its configuration is written */
void stray_put_conf(const struct sim_chain *c, struct buf *b);
void stray_start(struct world *w);
void stray_stop(struct world *w);
void stray_node_init(struct node *n, bool sound);
void stray_node_deinit(struct node *n);

/* What n tells while its chain is at `head`. */
uint64_t stray_head(const struct node *n, uint64_t head);
/* n got a question: a is what, id the gateway's number of it, head what it will be answered with. */
void stray_asked(struct node *n, const struct ask *a, uint64_t id, uint64_t head);

/* Was the chain never there? */
bool stray_is_wrong(const struct sim_chain *c, uint64_t head);
/* May a client be told a head that is wrong? */
bool stray_may_tell(const struct world *w, const struct sim_chain *c, const struct ask *a, uint64_t head);
/* May a client be told a lower head than `seen`, which it was told of when it asked at seen_us? */
bool stray_may_go_back(const struct world *w, const struct sim_chain *c, uint64_t seen, uint64_t seen_us);

/* At the end of each turn of the gateway's loop. */
void stray_check_turn(struct world *w);
/* The endpoint that tells the truth again, and is still held to be far behind or wrong; NULL: none. */
const char *stray_open(const struct world *w);

#endif
