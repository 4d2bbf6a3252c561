/* race.h - happy eyeballs (RFC 8305): connects to several addresses, families interleaved, the next one after 250 ms or
 * as soon as one fails; the first that connects wins, the others are closed.  Heap; owned by its dial.
 * Has no deadline of its own: the dial cancels it. */
#ifndef MILLRACE_IO_RACE_H
#define MILLRACE_IO_RACE_H

#include "io/dns.h"
#include "io/stream.h"

struct race;

/* done comes once, from the loop, never from inside race_start; the race is gone then. status 0: s is the caller's, and
 * *a the address that won. */
typedef void race_done(void *owner, int status, struct stream *s, const union dns_address *a);

struct race *race_start(struct loop *l, const struct dns_answer *a, uint16_t port, race_done *done, void *owner);
struct race *race_cancel(struct race *r); /* NULL is fine; returns NULL */

#endif
