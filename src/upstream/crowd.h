/* crowd.h - how many calls an endpoint takes at once, learned from those that it refuses as too many at once ("maximum
 * number of concurrent requests"): another limit than a rate, and not to be mistaken for one.  By value in its
 * endpoint. Pure.
 *
 * A refusal lowers the limit to three quarters of the calls that were on the wire; refusals of others that left with it
 * lower it to those that are still there and not refused, to a quarter at the least.  While it is used it climbs by a
 * call a second, or by a quarter of itself until it comes near the crowd that was refused last; from there by a thirty-
 * second, or a call in four seconds.  It is forgotten at what is configured, or where nothing is, at four times that
 * crowd; and when nothing was refused for five minutes. */
#ifndef MILLRACE_UPSTREAM_CROWD_H
#define MILLRACE_UPSTREAM_CROWD_H

#include <stdbool.h>
#include <stdint.h>

enum { CROWD_FORGET_S = 300 };

struct crowd {
    uint32_t limit_q8; /* of calls, 1/256; 0: nothing is learned */
    uint32_t least;    /* what refusals of this crowd lower it to */
    uint32_t ceiling;  /* so many were on the wire when it refused last */
    uint64_t after_us; /* what left before was part of that crowd */
    uint64_t grown_us;
};

/* A call that left at sent_us is refused, while `others` are on the wire.  false: it cannot be lowered: not even one
 * call is taken. */
bool crowd_refused(struct crowd *c, unsigned others, uint64_t sent_us, uint64_t now_us);
/* One is answered, of so many on the wire.  most: as configured, 0: nothing is.  true: the limit is another now. */
bool crowd_answered(struct crowd *c, unsigned on_wire, unsigned most, uint64_t now_us);

/* 0: none. */
static inline unsigned crowd_limit(const struct crowd *c)
{
    return c->limit_q8 >> 8;
}

#endif
