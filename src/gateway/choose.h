/* choose.h - which endpoint of a chain a call goes to next. */
#ifndef MILLRACE_GATEWAY_CHOOSE_H
#define MILLRACE_GATEWAY_CHOOSE_H

#include <stdbool.h>
#include <stdint.h>

struct chain;
struct flight;
struct upstream;

/* Endpoints that lack f's method, or the old block that it names: they are asked when there is nobody else. */
uint64_t choose_lacking(const struct flight *f);
/* Whose turn it is for f, among those that have not failed it.  NULL: all have, are refused, or are full. */
struct upstream *choose_for(struct chain *c, const struct flight *f);
/* Whose turn it is among the others. NULL: there is none that may be asked. */
struct upstream *choose_other(struct chain *c, const struct upstream *than);
/* Whose turn it is among those that are up and have a place in their queue, of the lowest tier that has any: first
 * choice is one where the call departs without waiting.  An endpoint whose limit f must wait for is no better than one
 * that is not there, so that others stand in; when there are only such, it is the one where f may leave first.  f NULL:
 * no call in particular.  NULL: none; *full: some are up. */
struct upstream *choose_up(struct chain *c, const struct flight *f, uint64_t untried, bool *full);
/* The same for f, of those that are as far as it needs; where none of them may be asked, and unless it is strict, of
 * those that are furthest: a call that is answered from below is better off than one that is not answered. */
struct upstream *choose_fresh(const struct flight *f, uint64_t open, bool strict, bool *full);
/* Whose turn it is for f, of `among` and as far as it needs.  NULL: none. */
struct upstream *choose_within(const struct flight *f, uint64_t among);
/* Where f, which waits for the limit of its endpoint, could depart before then.  NULL: nowhere. */
struct upstream *choose_sooner(struct chain *c, const struct flight *f, uint64_t before_us);

#endif
