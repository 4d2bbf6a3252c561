/* batch_refusal.h - what an endpoint means when it will not answer a batch, or not all of it.  Pure; static tables,
 * whose rows name the servers they come from.
 *
 * Numbers alone say little (-32005 is "no batches" here and "rate limited" there): text decides where there is any. */
#ifndef MILLRACE_UPSTREAM_BATCH_REFUSAL_H
#define MILLRACE_UPSTREAM_BATCH_REFUSAL_H

#include "rpc/batch_answer.h"
#include "rpc/method.h"

enum batch_refusal {
    BATCH_REFUSAL_NONE,     /* no refusal: answers, or a failure that a single call could have met as well */
    BATCH_REFUSAL_CALLS,    /* too many calls */
    BATCH_REFUSAL_BYTES,    /* the request body is too large */
    BATCH_REFUSAL_ANSWER,   /* the answers together are too large */
    BATCH_REFUSAL_DISABLED, /* no batches at all */
    BATCH_REFUSAL_METHOD,   /* a method that it does not take in batches */
    BATCH_REFUSAL_UNCLEAR   /* refused, and not said why, or nobody can be matched */
};

struct batch_verdict {
    enum batch_refusal what;
    bool whole;           /* nobody is answered; else only the members that say so are refused */
    size_t limit;         /* how many calls it would take, as it said or as it did; 0: not known */
    struct slice methods; /* with METHOD: the names it gave, for batch_refusal_name(); empty: none; borrowed */
    /* With NONE: the one error that was said to all, of the kind that each would have met alone (a rate limit, a server
     * that is busy): it is the answer of every member.  Empty: there is none; borrowed. */
    struct slice error;
};

/* One error for a whole batch.  status: HTTP; has_error: there is a JSON-RPC error with `code` and `message` (else
 * message is what text the body holds, or empty). */
enum batch_refusal batch_refusal_of(unsigned status, bool has_error, int64_t code, struct slice message);

/* The answer to a batch of more than one call, as batch_answer_scan() left it with the result `scanned`; body: its
 * text. When the whole batch was refused, nobody is answered any more (batch_answer_void), however it was said: by one
 * object, by one element, or by the same error in every element (dRPC). */
void batch_refusal_judge(struct batch_verdict *v, struct batch_answer *a, enum fail scanned, struct slice body,
                         unsigned status);

/* After a whole refusal: must each member go alone next?  Else what batch_limits learned keeps the next batch from
 * being refused for the same reason. */
static inline bool batch_verdict_alone(const struct batch_verdict *v)
{
    return v->what == BATCH_REFUSAL_UNCLEAR || (v->what == BATCH_REFUSAL_METHOD && v->methods.n == 0);
}

/* Takes the next name off `names`.  false: there is none. */
bool batch_refusal_name(struct slice *names, struct slice *name);

/* Is this error of one member, inside an answer to several, about the batch or the moment, so that the member alone may
 * well be answered?  Rate limits, what a batch was cut off for, what may not be in a batch.  Never what a contract or
 * program says. */
bool batch_element_retry_alone(enum chain_family family, int64_t code, struct slice message);
/* The same for the bytes of an error object. */
bool batch_error_retry_alone(enum chain_family family, struct slice error);

#endif
