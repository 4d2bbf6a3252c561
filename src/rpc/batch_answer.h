/* batch_answer.h - one HTTP body that answers a batch: which member got which answer.  Members are matched by id, never
 * by position; the order of the elements means nothing (JSON-RPC 2.0 section 6).
 *
 * Pure; one per worker, reused from batch to batch.  Owns its tables, whose size is that of the batch whatever the
 * endpoint sends; payloads borrow from the scanned text.
 *
 *     batch_answer_begin(a);
 *     for each flight of the batch, in any order: batch_answer_expect(a, flight->id);
 *     fail = batch_answer_scan(a, body, depth);
 *     batch_refusal_judge(&refusal, a, fail, status);         (upstream/batch_refusal.h)
 *     members[i] is the i-th flight's: batch_member_answered(), members[i].answer
 */
#ifndef MILLRACE_RPC_BATCH_ANSWER_H
#define MILLRACE_RPC_BATCH_ANSWER_H

#include "base/plant.h"
#include "rpc/message.h"

struct batch_member {
    uint64_t id;
    unsigned elements;              /* how many elements came with this id */
    struct message_response answer; /* the first of them */
};

enum batch_answer_shape {
    BATCH_ANSWER_NONE,  /* nothing was scanned, or it failed */
    BATCH_ANSWER_ARRAY, /* the usual */
    /* One element for several members, and it is an error: the whole batch was refused (geth: [{"id":first,
     * "error":{..."batch too large"}}], rpc/testdata/invalid-batch-toolarge.js), or the other answers were lost.
     * `whole` is that element; it is also its member's answer, until batch_answer_void(). */
    BATCH_ANSWER_LONE,
    /* Not an array: `whole` says why (jsonrpsee, erigon, Infura).  Nobody is answered, whatever its id says. */
    BATCH_ANSWER_OBJECT
};

struct batch_answer {
    enum batch_answer_shape shape;
    struct batch_member *members; /* owned; in the order of batch_answer_expect() */
    size_t n, cap;
    size_t answered; /* members with exactly one element */
    size_t results;  /* of these, with a result */
    /* Elements that answer nobody. */
    size_t doubled;  /* members with more than one element: which one is right cannot be known */
    size_t foreign;  /* an id that is not of this batch, or that is not one of ours at all */
    size_t null_ids; /* id null, or no id */
    size_t unfit;    /* no responses: not objects, doubled members, neither result nor error */
    struct message_response whole;
    /* Private: members by id, when they were not expected in ascending order. */
    struct batch_place *places;
    size_t places_cap;
    size_t next; /* the member whose id is tried first */
    bool ascending, placed;
};

void batch_answer_init(struct batch_answer *a);
void batch_answer_deinit(struct batch_answer *a);
void batch_answer_begin(struct batch_answer *a);               /* forgets the last batch */
void batch_answer_expect(struct batch_answer *a, uint64_t id); /* each id once */

/* The whole text is validated before any of it is an answer.  FAIL_NONE, UPSTREAM_NOT_JSON, or, for what is neither an
 * array nor a response, UPSTREAM_NOT_RPC or _NO_RESULT; after a failure nobody is answered. */
enum fail batch_answer_scan(struct batch_answer *a, struct slice text, unsigned max_depth);

/* Nobody is answered after all. */
void batch_answer_void(struct batch_answer *a);

/* An answer that may be given to whoever waits; else the member is unanswered: missing, or answered more than once. */
static inline bool batch_member_answered(const struct batch_member *m)
{
    return m->elements == 1 || (planted(PLANT_DOUBLE_TAKEN) && m->elements > 1);
}

#endif
