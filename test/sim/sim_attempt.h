/* sim_attempt.h - how often each question of the gateway reached an endpoint, told by the gateway's own ids: attempts
 * of one call are no more than configured, and all that are extra no more than the budget for retries.
 *
 * Free are: what went into a connection that died before the first byte of an answer, and had carried others; what
 * shared a request that was not answered properly as a whole; and, by the gateway's own count, what it gave back for
 * want of room, or asked again with a new credential, and the one more attempt of those who had joined a flight; and
 * what an endpoint refused because there were too many.
 * Answers below what a client was shown are asked again within the budget, however often.  But for these no call is
 * asked more often within a second than SIM_OFTEN; and no more than half as often where the endpoints make no mistakes.
 */
#ifndef SIM_ATTEMPT_H
#define SIM_ATTEMPT_H

#include "sim_ask.h"

struct node;

enum { SIM_OFTEN = 16 };

struct sim_try { /* one id */
    uint8_t sent, free;
    unsigned total;            /* however many */
    uint8_t node;              /* of the last */
    bool ended;                /* the last one, by the endpoint, in a way that is not free */
    uint64_t mono_us;          /* the gateway's time then */
    uint64_t at_us[SIM_OFTEN]; /* of the last that arrived, in turn */
};

void attempt_arrived(struct node *n, uint64_t id, const struct ask *a);
/* The endpoint has answered the last attempt, or ended its connection.  again_free: to ask again is free. */
void attempt_ended(struct node *n, uint64_t id, bool again_free);

#endif
