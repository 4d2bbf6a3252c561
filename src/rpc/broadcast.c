#include "rpc/broadcast.h"

#include <assert.h>

#include "base/plant.h"

enum {
    RANK_TRANSPORT = BROADCAST_VERDICTS, /* after every verdict */
    RANK_NONE,
    LOOKUP_DEPTH = 64,
};

/* On Solana a transaction shows up in look-ups only when it has landed: not finding it would tell nothing. */
static bool can_probe(const struct broadcast *b)
{
    return b->family == CHAIN_EVM && b->id.n && b->probe_ms;
}

void broadcast_init(struct broadcast *b, enum chain_family family, struct slice params, unsigned legs, uint64_t now_ms,
                    uint64_t deadline_ms, uint64_t probe_ms)
{
    uint64_t left = deadline_ms > now_ms ? deadline_ms - now_ms : 0;

    assert(legs >= 1 && legs <= BROADCAST_MAX_LEGS);
    *b = (struct broadcast){.family = family, .legs = legs, .deadline_ms = deadline_ms};
    raw_tx_read(&b->id, family, params);
    b->probe_ms = probe_ms;
    b->legs_deadline_ms = deadline_ms;
    if (can_probe(b))
        b->legs_deadline_ms -= probe_ms < left / 2 ? probe_ms : left / 2;
}

static void answer(struct broadcast *b, const struct broadcast_decision *d)
{
    b->answer = *d;
    b->state = BROADCAST_DECIDED;
    /* What was not even asked for is not needed any more. */
    if (b->probe == BROADCAST_WANTED)
        b->probe = BROADCAST_OVER;
    if (b->retry == BROADCAST_WANTED) {
        b->retry = BROADCAST_OVER;
        b->leg[b->retry_leg].outcome = BROADCAST_LEG_WITHDRAWN;
    }
}

static void answer_result(struct broadcast *b, unsigned leg, struct slice result)
{
    answer(b, &(struct broadcast_decision){.kind = BROADCAST_RESULT, .leg = leg, .bytes = result});
}

static bool probe_may_decide(const struct broadcast *b)
{
    return b->probe == BROADCAST_WANTED || b->probe == BROADCAST_UNDER_WAY;
}

static void begin_probe(struct broadcast *b, unsigned leg, uint64_t now_ms)
{
    b->probe = BROADCAST_WANTED;
    b->asked_by = leg;
    b->probe_deadline_ms = now_ms + b->probe_ms < b->deadline_ms ? now_ms + b->probe_ms : b->deadline_ms;
}

static void begin_retry(struct broadcast *b)
{
    b->retry = BROADCAST_WANTED;
    b->retry_leg = b->legs++;
    b->leg[b->retry_leg] = (struct broadcast_leg){.outcome = BROADCAST_LEG_OUT};
}

/* The lower, the more a client learns from it. */
static unsigned rank(const struct broadcast_leg *l)
{
    switch (l->outcome) {
    case BROADCAST_LEG_KNOWN:
    case BROADCAST_LEG_REFUSED:
        return l->verdict;
    case BROADCAST_LEG_FAILED:
    case BROADCAST_LEG_OUT: /* given up at its deadline */
        return RANK_TRANSPORT;
    default:
        return RANK_NONE;
    }
}

/* Nobody accepted: pass on what says most. */
static void answer_error(struct broadcast *b, unsigned best)
{
    const struct broadcast_leg *l = &b->leg[best];

    if (planted(PLANT_SUCCESS_MADE_UP) && b->id.n)
        answer_result(b, best, raw_tx_json(&b->id));
    else if (l->outcome == BROADCAST_LEG_KNOWN || l->outcome == BROADCAST_LEG_REFUSED)
        answer(b, &(struct broadcast_decision){.kind = BROADCAST_ERROR, .leg = best, .bytes = l->answer});
    else
        answer(b, &(struct broadcast_decision){
                      .kind = BROADCAST_FAIL,
                      .leg = best,
                      .fail = l->outcome == BROADCAST_LEG_OUT ? FAIL_UPSTREAM_TIMEOUT : l->fail,
                  });
}

/* Is it time for an error? After each event that did not answer the client. */
static void settle(struct broadcast *b, uint64_t now_ms)
{
    unsigned best = 0, best_rank = RANK_NONE, doubtful = b->legs;

    if (b->state != BROADCAST_OPEN)
        return;
    for (unsigned i = 0; i < b->legs; i++) {
        const struct broadcast_leg *l = &b->leg[i];

        if (l->outcome == BROADCAST_LEG_OUT && !b->expired)
            return;
        if (doubtful == b->legs &&
            (l->outcome == BROADCAST_LEG_OUT || (l->outcome == BROADCAST_LEG_FAILED && l->may_have)))
            doubtful = i;
        if (rank(l) < best_rank) {
            best = i;
            best_rank = rank(l);
        }
    }
    /* Nobody accepted it openly; but what every node would refuse nobody accepted in silence either. */
    if (b->probe == BROADCAST_NOT_BEGUN && can_probe(b) && doubtful < b->legs && best_rank > BROADCAST_REFUSED_FINAL &&
        now_ms < b->deadline_ms)
        begin_probe(b, doubtful, now_ms);
    if (!probe_may_decide(b))
        answer_error(b, best);
}

/* The leg, if it is one whose end is not known yet. */
static struct broadcast_leg *leg_out(struct broadcast *b, unsigned leg)
{
    assert(leg < b->legs && b->leg[leg].outcome == BROADCAST_LEG_OUT);
    if (leg == b->retry_leg && b->retry == BROADCAST_UNDER_WAY)
        b->retry = BROADCAST_OVER;
    return &b->leg[leg];
}

static enum broadcast_outcome leg_failed(struct broadcast *b, struct broadcast_leg *l, enum fail fail, bool may_have,
                                         uint64_t now_ms)
{
    l->outcome = BROADCAST_LEG_FAILED;
    l->fail = fail;
    l->may_have = may_have;
    settle(b, now_ms);
    return BROADCAST_LEG_FAILED;
}

enum broadcast_outcome broadcast_result(struct broadcast *b, unsigned leg, struct slice result, uint64_t now_ms)
{
    struct broadcast_leg *l = leg_out(b, leg);

    /* Another hash than ours, or none: who can say what became of the transaction there. */
    if (b->id.n ? !raw_tx_same(&b->id, b->family, result) : !raw_tx_is_id(b->family, result))
        return leg_failed(b, l, FAIL_UPSTREAM_WRONG_HASH, true, now_ms);
    l->outcome = BROADCAST_LEG_ACCEPTED;
    if (b->state == BROADCAST_OPEN)
        answer_result(b, leg, result);
    return BROADCAST_LEG_ACCEPTED;
}

enum broadcast_outcome broadcast_error(struct broadcast *b, unsigned leg, struct slice error, uint64_t now_ms)
{
    struct broadcast_leg *l = leg_out(b, leg);
    struct error_object e;

    error_object_read(&e, error);
    l->answer = error;
    l->verdict = broadcast_judge(b->family, &e);
    l->outcome = l->verdict == BROADCAST_ALREADY_KNOWN && !planted(PLANT_KNOWN_IS_REFUSED) ? BROADCAST_LEG_KNOWN
                                                                                           : BROADCAST_LEG_REFUSED;
    if (b->state != BROADCAST_OPEN)
        return l->outcome;

    if (l->outcome == BROADCAST_LEG_KNOWN && b->id.n)
        answer_result(b, leg, raw_tx_json(&b->id));
    else if (l->verdict == BROADCAST_NONCE_TOO_LOW && b->probe == BROADCAST_NOT_BEGUN && can_probe(b))
        begin_probe(b, leg, now_ms);
    else if ((l->verdict == BROADCAST_STALE_BLOCKHASH || l->verdict == BROADCAST_NODE_BEHIND) && !b->expired &&
             b->retry == BROADCAST_NOT_BEGUN)
        begin_retry(b);
    settle(b, now_ms);
    return l->outcome;
}

enum broadcast_outcome broadcast_fail(struct broadcast *b, unsigned leg, enum fail fail, bool never_sent,
                                      uint64_t now_ms)
{
    return leg_failed(b, leg_out(b, leg), fail, !never_sent, now_ms);
}

void broadcast_withdraw(struct broadcast *b, uint64_t now_ms)
{
    assert(b->retry == BROADCAST_UNDER_WAY);
    leg_out(b, b->retry_leg)->outcome = BROADCAST_LEG_WITHDRAWN;
    settle(b, now_ms);
}

/* Does a transaction object that was looked up carry our hash? */
static bool is_ours(const struct broadcast *b, struct slice result)
{
    struct jtok t;
    struct jval key, v;
    bool same = false;
    int r;

    jtok_init(&t, result, LOOKUP_DEPTH);
    r = jtok_object(&t);
    while (r == 0 && (r = jtok_member(&t, &key)) == 0) {
        r = jtok_value(&t, &v);
        if (r == 0 && jtok_text_eq(&key, SLICE("hash")))
            same = raw_tx_same(&b->id, b->family, v.raw);
    }
    return r == JTOK_END && same;
}

void broadcast_probed(struct broadcast *b, struct slice result, uint64_t now_ms)
{
    assert(b->probe == BROADCAST_UNDER_WAY || b->probe == BROADCAST_GIVEN_UP);
    b->probe = BROADCAST_OVER;
    if (b->state == BROADCAST_OPEN && is_ours(b, result))
        answer_result(b, b->asked_by, raw_tx_json(&b->id));
    settle(b, now_ms);
}

uint64_t broadcast_deadline(const struct broadcast *b)
{
    uint64_t at = UINT64_MAX;

    if (b->state != BROADCAST_OPEN)
        return at;
    if (!b->expired)
        at = b->legs_deadline_ms;
    if (probe_may_decide(b) && b->probe_deadline_ms < at)
        at = b->probe_deadline_ms;
    return at;
}

void broadcast_expire(struct broadcast *b, uint64_t now_ms)
{
    if (b->state != BROADCAST_OPEN)
        return;
    if (now_ms >= b->legs_deadline_ms)
        b->expired = true;
    if (probe_may_decide(b) && now_ms >= b->probe_deadline_ms)
        b->probe = b->probe == BROADCAST_WANTED ? BROADCAST_OVER : BROADCAST_GIVEN_UP;
    settle(b, now_ms);
}

bool broadcast_take(struct broadcast *b, struct broadcast_decision *d)
{
    if (b->state == BROADCAST_DECIDED) {
        b->state = BROADCAST_ANSWERED;
        *d = b->answer;
    } else if (b->probe == BROADCAST_WANTED) {
        b->probe = BROADCAST_UNDER_WAY;
        *d = (struct broadcast_decision){.kind = BROADCAST_PROBE, .leg = b->asked_by};
    } else if (b->retry == BROADCAST_WANTED) {
        b->retry = BROADCAST_UNDER_WAY;
        *d = (struct broadcast_decision){.kind = BROADCAST_RETRY, .leg = b->retry_leg};
    } else {
        return false;
    }
    return true;
}

bool broadcast_is_over(const struct broadcast *b)
{
    if (b->state != BROADCAST_ANSWERED || b->probe == BROADCAST_UNDER_WAY || b->probe == BROADCAST_GIVEN_UP)
        return false;
    for (unsigned i = 0; i < b->legs; i++)
        if (b->leg[i].outcome == BROADCAST_LEG_OUT)
            return false;
    return true;
}
