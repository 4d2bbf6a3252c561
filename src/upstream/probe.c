#include "upstream/probe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/base58.h"
#include "base/plant.h"
#include "rpc/error_object.h"
#include "rpc/head_read.h"

enum { HASH_BYTES = 32 };

struct probe_words probe_words(enum probe_question q, enum chain_family family, enum head_kind kind)
{
    bool solana = family == CHAIN_SOLANA;

    if (q == PROBE_SHREDS)
        return (struct probe_words){SLICE("getMaxShredInsertSlot"), SLICE("[]")};
    if (q == PROBE_REPLAYED)
        kind = HEAD_LATEST;
    if ((q == PROBE_HEAD && solana) || q == PROBE_REPLAYED)
        return (struct probe_words){SLICE("getSlot"), kind == HEAD_FINALIZED ? SLICE("[{\"commitment\":\"finalized\"}]")
                                                      : kind == HEAD_SAFE    ? SLICE("[{\"commitment\":\"confirmed\"}]")
                                                                          : SLICE("[{\"commitment\":\"processed\"}]")};
    if (q == PROBE_HEAD)
        return (struct probe_words){SLICE("eth_blockNumber"), SLICE("[]")};
    if (q == PROBE_SYNC)
        return (struct probe_words){solana ? SLICE("getHealth") : SLICE("eth_syncing"), SLICE("[]")};
    if (q == PROBE_PAST)
        return (struct probe_words){SLICE("eth_getBlockByNumber"), SLICE("[]")};
    if (q == PROBE_FINALIZED)
        return (struct probe_words){SLICE("eth_getBlockByNumber"), SLICE("[\"finalized\",false]")};
    return (struct probe_words){solana ? SLICE("getGenesisHash") : SLICE("eth_chainId"), SLICE("[]")};
}

/* first_ms, doubled for each failure but the first, and no more than max_ms. */
static uint64_t pause_ms(unsigned failures, uint64_t first_ms, uint64_t max_ms)
{
    unsigned shift = failures > 1 ? failures - 1 : 0;

    return shift >= 32 || first_ms << shift > max_ms ? max_ms : first_ms << shift;
}

bool probe_expects(const struct probe_expect *e)
{
    return e->family == CHAIN_SOLANA ? *e->genesis_hash != '\0' : e->chain_id != 0;
}

void probe_init(struct probe *p, const struct probe_expect *e)
{
    bool asks = probe_expects(e);

    *p = (struct probe){.state = asks ? PROBE_UNKNOWN : PROBE_OFF, .at_ms = asks ? 0 : UINT64_MAX};
}

bool probe_is_due(const struct probe *p, uint64_t now_ms, bool waited_for)
{
    return !p->asking && (now_ms >= p->at_ms || (waited_for && probe_holds(p)));
}

void probe_asked(struct probe *p)
{
    p->asking = true;
    p->at_ms = UINT64_MAX;
}

/* What the answer says, in p->said's form.  false: nothing that could be compared. */
static bool read_said(enum chain_family family, struct slice result, char said[PROBE_SAID_CAP])
{
    uint8_t hash[HASH_BYTES + 1];
    uint64_t id;

    if (family == CHAIN_EVM) {
        if (!head_read(HEAD_HEX, result, &id) && !head_read(HEAD_NUMBER, result, &id))
            return false;
        snprintf(said, PROBE_SAID_CAP, "%" PRIu64, id);
        return true;
    }
    if (result.n < 2 || result.n - 2 >= PROBE_SAID_CAP || result.p[0] != '"')
        return false;
    result = slice_of(result.p + 1, result.n - 2);
    if (base58_decode(hash, sizeof hash, result) != HASH_BYTES)
        return false;
    memcpy(said, result.p, result.n);
    said[result.n] = '\0';
    return true;
}

static bool is_expected(const struct probe_expect *e, const char *said)
{
    char id[PROBE_SAID_CAP];

    if (planted(PLANT_WRONG_CHAIN_USED))
        return true;
    if (e->family == CHAIN_SOLANA)
        return strcmp(said, e->genesis_hash) == 0;
    snprintf(id, sizeof id, "%" PRIu64, e->chain_id);
    return strcmp(said, id) == 0;
}

/* -32601 of JSON-RPC 2.0 section 5.1; -32004 is "method not supported" in EIP-1474. */
static bool is_unknown_method(struct slice error)
{
    struct error_object o;

    return error_object_read(&o, error) && o.has_code && (o.code == -32601 || o.code == -32004);
}

/* agave NODE_UNHEALTHY. */
static bool is_unhealthy(struct slice error)
{
    struct error_object o;

    return error_object_read(&o, error) && o.has_code && o.code == -32005;
}

static enum probe_news agrees(struct probe *p)
{
    p->state = PROBE_VERIFIED;
    p->failures = 0;
    return PROBE_AGREES;
}

static enum probe_news disagrees(struct probe *p, const char *said, uint64_t now_ms)
{
    bool again = p->state == PROBE_REFUSED && strcmp(p->said, said) == 0;

    p->failures = p->state == PROBE_REFUSED ? p->failures + 1 : 1;
    p->state = PROBE_REFUSED;
    p->at_ms = now_ms + pause_ms(p->failures, PROBE_FIRST_MS, PROBE_REFUSED_MAX_MS);
    return again ? PROBE_NO_NEWS : PROBE_DISAGREES;
}

static enum probe_news cannot_tell(struct probe *p, uint64_t now_ms)
{
    bool again = p->state == PROBE_UNVERIFIED;

    p->failures = again ? p->failures + 1 : 1;
    p->at_ms = now_ms + pause_ms(p->failures, PROBE_UNVERIFIED_FIRST_MS, PROBE_UNVERIFIED_MAX_MS);
    p->state = PROBE_UNVERIFIED;
    return again ? PROBE_NO_NEWS : PROBE_CANNOT_TELL;
}

enum probe_news probe_answered(struct probe *p, const struct probe_expect *e, bool is_error, struct slice payload,
                               uint64_t now_ms)
{
    char said[PROBE_SAID_CAP];
    enum probe_news news;

    /* Once it was seen on another chain, only the right answer takes it back. */
    if (is_error && p->state != PROBE_REFUSED && is_unknown_method(payload)) {
        p->asking = p->unreached = false;
        return cannot_tell(p, now_ms);
    }
    if (is_error || !read_said(e->family, payload, said)) {
        probe_failed(p, false, now_ms);
        return PROBE_NO_ANSWER;
    }
    p->asking = p->unreached = false;
    news = is_expected(e, said) ? agrees(p) : disagrees(p, said, now_ms);
    memcpy(p->said, said, sizeof said);
    return news;
}

void probe_failed(struct probe *p, bool never_sent, uint64_t now_ms)
{
    uint64_t first_ms = p->state == PROBE_UNVERIFIED ? PROBE_UNVERIFIED_FIRST_MS : PROBE_FIRST_MS;
    uint64_t max_ms = p->state == PROBE_UNKNOWN   ? PROBE_FAILED_MAX_MS
                      : p->state == PROBE_REFUSED ? PROBE_REFUSED_MAX_MS
                                                  : PROBE_UNVERIFIED_MAX_MS;

    p->asking = false;
    p->unreached = never_sent;
    p->failures++;
    p->at_ms = now_ms + pause_ms(p->failures, first_ms, max_ms);
}

void probe_connected(struct probe *p, uint64_t now_ms)
{
    /* Only of one that could not be reached: others drop connections as a habit, and would be asked on each. */
    if (!probe_holds(p) || p->asking || !p->unreached)
        return;
    p->unreached = false;
    p->at_ms = now_ms;
}

void probe_authorized(struct probe *p, uint64_t now_ms)
{
    /* What it would not tell without one, it may tell now. */
    if (probe_holds(p) && !p->asking)
        p->at_ms = now_ms;
}

char *probe_text(const struct probe *p, const struct probe_expect *e, char out[PROBE_TEXT_CAP])
{
    int n;

    if (e->family == CHAIN_SOLANA)
        n = snprintf(out, PROBE_TEXT_CAP, "genesis_hash %s is expected", e->genesis_hash);
    else
        n = snprintf(out, PROBE_TEXT_CAP, "chain_id %" PRIu64 " is expected", e->chain_id);
    if (p->state == PROBE_REFUSED)
        snprintf(out + n, PROBE_TEXT_CAP - (size_t)n, ", it says %s", p->said);
    return out;
}

const char *probe_state_name(enum probe_state s)
{
    static const char *const names[] = {[PROBE_OFF] = "not asked",
                                        [PROBE_VERIFIED] = "verified",
                                        [PROBE_UNVERIFIED] = "unverified",
                                        [PROBE_UNKNOWN] = "unknown",
                                        [PROBE_REFUSED] = "refused"};

    return names[s];
}

uint64_t probe_head_gap_ms(uint64_t block_ms, bool at_top)
{
    uint64_t ms = block_ms ? block_ms / 2 : PROBE_HEAD_UNKNOWN_MS;

    if (ms > PROBE_HEAD_MAX_MS)
        ms = PROBE_HEAD_MAX_MS;
    if (!at_top)
        ms /= 4;
    return ms < PROBE_HEAD_MIN_MS ? PROBE_HEAD_MIN_MS : ms;
}

enum probe_sync probe_sync_read(enum chain_family family, bool is_error, struct slice payload, uint64_t max_lag)
{
    struct slice current = SLICE("\"currentBlock\""), highest = SLICE("\"highestBlock\"");
    uint64_t at, of;

    if (is_error && is_unknown_method(payload))
        return PROBE_SYNC_UNKNOWN;
    if (family == CHAIN_SOLANA)
        return is_error && is_unhealthy(payload) ? PROBE_SYNCING : PROBE_IN_SYNC;
    if (is_error || payload.p[0] != '{')
        return PROBE_IN_SYNC;
    if (!head_member(payload, current, &at) || !head_member(payload, highest, &of))
        return PROBE_SYNCING;
    return of > at + max_lag ? PROBE_SYNCING : PROBE_IN_SYNC;
}

void probe_final_init(struct probe_final *f, uint64_t gap_ms)
{
    *f = (struct probe_final){.gap_ms = gap_ms, .next_ms = gap_ms ? 0 : UINT64_MAX};
}

void probe_final_asked(struct probe_final *f, uint64_t now_ms)
{
    f->asking = true;
    f->next_ms = now_ms + f->gap_ms;
}

bool probe_final_answered(struct probe_final *f, bool is_error, struct slice payload, uint64_t now_ms, uint64_t *number)
{
    if (is_error || !head_read(HEAD_BLOCK, payload, number)) {
        probe_final_failed(f, now_ms);
        return false;
    }
    f->asking = false;
    f->failures = 0;
    return true;
}

void probe_final_failed(struct probe_final *f, uint64_t now_ms)
{
    uint64_t max_ms = f->gap_ms > PROBE_FINAL_MAX_MS ? f->gap_ms : PROBE_FINAL_MAX_MS;

    f->asking = false;
    f->failures++;
    f->next_ms = now_ms + pause_ms(f->failures, f->gap_ms, max_ms);
}
