/* unit.h - what one array asks about the head.  Clients take an array for a unit of consistency: an eth_blockNumber in
 * it tells them which block the other answers are about.  So on a chain with several endpoints one of them answers all
 * these calls, or those that it cannot answer fail.  By value in its exchange.
 *
 * While that endpoint can be reached they stay there, each on a fresh connection if need be; unless the first that it
 * says of them is an error which another endpoint may not make.  When it cannot be reached, those that wait move on
 * together if it has answered none of them; else all are asked again, of one other endpoint, and its answers are
 * dropped: a client could do no more with an array of errors than to ask all of it again itself.  What the client has
 * begun to receive is not taken back. */
#ifndef MILLRACE_GATEWAY_UNIT_H
#define MILLRACE_GATEWAY_UNIT_H

#include "base/list.h"
#include "base/slice.h"
#include "gateway/unit_heads.h"

struct call;
struct exchange;
struct flight;
struct route_failure;
struct upstream;
struct worker;

struct unit {
    struct upstream *with; /* the endpoint of its calls; NULL: there are none, or the chain has one endpoint */
    unsigned n_calls;      /* one alone goes wherever it likes */
    bool told;             /* `with` has answered some of them */
    bool dated;            /* one asks for the head's number: what others say of the head must be no older */
    struct unit_heads heads;
    unsigned char again; /* how often some were asked again */
    struct list torn;    /* in worker.torn: some wait to be asked again, at the end of the turn */
    char *body;          /* the array's own bytes, owned: to ask again; NULL: that is not possible */
    size_t body_n;
};

void unit_init(struct unit *u); /* zeroed */
void unit_deinit(struct unit *u);
/* Does it ask how far the chain is?  Clients take that for the block that the rest of their array is about. method:
 * with its quotes. */
bool unit_asks_number(struct slice method);
/* All calls have been launched: keeps what it takes to ask them again. */
void unit_keep(struct unit *u, struct slice body);

/* May a call of u wait for lead, which asks the same?  The first one decides upon the endpoint. */
bool unit_may_join(const struct unit *u, const struct flight *lead);

/* f is waited for by such a call: no other endpoint than its own is to answer it unasked. */
void unit_bind(struct worker *w, struct flight *f);

/* Where flight f, whose try failed, must go for the sake of those who wait for it; NULL: it is free.  same: its own
 * endpoint will do, on another connection. */
struct upstream *unit_next(const struct flight *f, bool same);
/* f got no answer: has its endpoint told none of the arrays that it belongs to anything yet, so that all of each may go
 * elsewhere? */
bool unit_untold(const struct flight *f);
/* May the arrays that f belongs to go to `other` because of an error: is that far enough for them, as they were when
 * they came, and can what is under way be asked there again? */
bool unit_fits(const struct flight *f, const struct upstream *other);
/* Do others of the arrays that f belongs to wait for answers of its endpoint? */
bool unit_is_out(const struct flight *f);
/* May f go from the queue of its endpoint, which is up, to `next`, or to what is returned?  NULL: it must stay. */
struct upstream *unit_elsewhere(const struct flight *f, struct upstream *next);
/* f is about to queue at `to`.  gone: its endpoint cannot be reached, so that units that it has told nothing come
 * along; the calls of others leave f, to be asked again or, where that cannot be, to be refused. */
void unit_go(struct worker *w, struct flight *f, struct upstream *to, bool gone, const struct route_failure *why);
/* An endpoint has answered f: calls whose unit is at another leave f, likewise. */
void unit_sift(struct worker *w, struct flight *f);

/* The end of the turn: decides where x is asked again, and takes back what another endpoint has answered. */
void unit_settle(struct exchange *x);
/* Then: must c, a call of x's unit, be asked again?  It is without a flight then. */
bool unit_wants(struct exchange *x, struct call *c);

#endif
