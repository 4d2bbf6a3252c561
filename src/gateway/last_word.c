#include "gateway/last_word.h"

#include "gateway/chain.h"
#include "gateway/limits.h"
#include "gateway/room.h"

struct route_failure last_word_late(const struct flight *f)
{
    struct route_failure why = {.fail = FAIL_UPSTREAM_TIMEOUT};

    if ((why.detail = limits_reason(f)) != NULL) {
        why.fail = FAIL_RATE_LIMITED;
    } else if (f->state == FLIGHT_QUEUED) {
        const struct endpoint *e = &f->upstream->endpoint;

        /* What kept it: an endpoint that cannot be reached, too few sockets, or its own question that has no answer. */
        bool unreached = upstream_is_down(f->upstream) && e->breaker.why == BREAKER_UNREACHABLE;

        why.fail = e->pool.opened && !unreached ? FAIL_QUEUE_TIMEOUT : FAIL_UPSTREAM_TIMEOUT;
        why.detail = why.fail == FAIL_UPSTREAM_TIMEOUT ? "no connection could be made in time" : NULL;
        if (why.fail == FAIL_QUEUE_TIMEOUT && probe_holds(&f->upstream->probe)) {
            why.fail = FAIL_UPSTREAM_TIMEOUT;
            why.detail = "it did not say in time which chain it is on";
        }
    } else if (f->state == FLIGHT_PARKED) {
        why.fail = FAIL_QUEUE_TIMEOUT;
        why.detail = room_not_taken;
    } else if (f->state == FLIGHT_PAUSED && f->waits) {
        why.fail = FAIL_UPSTREAM_BEHIND;
    }
    return why;
}

bool last_word_is_said(const struct flight *f, enum answer_class class, const struct route_failure *why)
{
    if (why->fail == FAIL_RATE_LIMITED) /* that it waited for its turn says as much as that it was refused one */
        class = ANSWER_RATE_LIMITED_ENDPOINT;
    return f->said && (f->said->ref || f->said->rank < answer_meaning(class)->rank);
}

struct route_failure last_word_said(const struct flight *f)
{
    return (struct route_failure){.fail = f->said->fail, .http_status = f->said->http_status, .at = f->said->at};
}
