/* room.h - is there room for an answer at those who wait for it?  Flights whose clients hold too much are parked, links
 * whose answers nobody could take are not read, until there is; and who has room does not wait for such links for long.
 * Part of session. */
#ifndef MILLRACE_GATEWAY_ROOM_H
#define MILLRACE_GATEWAY_ROOM_H

#include "rpc/flight.h"

struct link;
struct session;
struct upstream;
struct worker;

enum { ROOM_UNSENT = 262144 }; /* bytes: with so much queued in a stream no further answer is put behind it */

extern const char room_not_taken[]; /* what a client is told that had no room for an answer until too late */

/* Do all who wait for f hold so much that no answer for them should be read?  The answer that must be sent next always
 * may, or nothing would ever move; but not while the client takes nothing. */
bool room_blocked(const struct flight *f);
/* Holds f, that was to depart, until one of its waiters has room for the answer. */
void room_park(struct worker *w, struct flight *f);
/* The same for all flights on k. */
bool room_link_blocked(const struct link *k);
/* Do some of those who wait for flights on k hold too much, while others have room, not just their turn? */
bool room_link_torn(const struct link *k);
/* Holds f, that gave up its link, for a while, longer each time: what was read of its answer counts no more, so that it
 * would set out at once, be asked again, and have no room again. */
void room_rest(struct worker *w, struct flight *f);
void room_rested(struct flight *f);
/* Where k, whose reading pauses, is found when one of them has room. */
struct list *room_stalled(struct worker *w, const struct link *k);
/* Each turn: looks again at flights and links that several wait for. */
void room_look_again(struct worker *w);
/* Calls wait at u that have room for their answers, and it may open no more connections: one that is not read, because
 * its clients hold too much, is given up for them; or read on, if what is on it must not be sent again, but not for
 * clients who take nothing.  Not at once: those clients may just be slow. */
void room_make_way(struct upstream *u);

/* Each answer sent may make room, or change whose turn it is: does anything of s wait for that? */
bool room_waits(const struct session *s);
void room_resume(struct session *s);

#endif
