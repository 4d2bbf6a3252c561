/* room.h - is there room for an answer at those who wait for it?  Flights whose clients hold too much are parked, links
 * whose answers nobody could take are not read, until there is.  Part of session. */
#ifndef MILLRACE_GATEWAY_ROOM_H
#define MILLRACE_GATEWAY_ROOM_H

#include "rpc/flight.h"

struct session;
struct worker;

enum { ROOM_UNSENT = 262144 }; /* bytes: with so much queued in a stream no further answer is put behind it */

/* Do all who wait for f hold so much that no answer for them should be read?  The answer that must be sent next always
 * may, or nothing would ever move; but not while the client takes nothing. */
bool room_blocked(const struct flight *f);
/* Holds f, that was to depart, until one of its waiters has room for the answer. */
void room_park(struct worker *w, struct flight *f);
/* Where a link with f, whose reading pauses, is found when one of them has room. */
struct list *room_stalled(struct worker *w, const struct flight *f);
/* Each turn: looks again at flights and links that several wait for. */
void room_look_again(struct worker *w);

/* Each answer sent may make room, or change whose turn it is: does anything of s wait for that? */
bool room_waits(const struct session *s);
void room_resume(struct session *s);

#endif
