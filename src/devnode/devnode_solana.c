/* Cluster-wide methods of a Solana node: slots, block hashes, epochs, versions. */
#include <stdio.h>

#include "base/base58.h"
#include "devnode/devnode_sim.h"

enum {
    PUBKEY = 32,
    FINAL_LAG = 32,
    SKIP_EVERY = 20, /* one slot in so many has no block */
    SKIP_AT = 7,
    EPOCH_SLOTS = 432000,
    HASH_LIFE = 150,     /* slots that a block hash may be used for */
    UNHEALTHY_LAG = 128, /* agave's --health-check-slot-distance */
    VALIDATORS = 16,
    LEADER_RUN = 4,
    MAX_LEADERS = 5000,
    MAX_BLOCKS = 500000,
    MAX_BLOCKS_HERE = 5000 /* bounds one answer; real nodes allow MAX_BLOCKS */
};

bool sim_solana_skipped(uint64_t slot)
{
    return slot % SKIP_EVERY == SKIP_AT;
}

uint64_t sim_solana_height(uint64_t slot)
{
    return slot - (slot + SKIP_EVERY - SKIP_AT) / SKIP_EVERY;
}

uint64_t sim_solana_time(const struct sim_call *k, uint64_t slot)
{
    return (k->c->genesis_ms + slot * k->c->block_time_ms) / 1000;
}

bool sim_solana_config(const struct sim_call *k, unsigned i, const char *name, struct jval *out)
{
    return i < k->args && sim_member(&k->arg[i], name, out);
}

enum sim_commitment sim_solana_commitment(struct sim_call *k, unsigned i)
{
    struct jval v;
    struct slice s;

    if (!sim_solana_config(k, i, "commitment", &v))
        return SIM_FINALIZED;
    s = sim_string(&v);
    if (slice_eq(s, SLICE("processed")))
        return SIM_PROCESSED;
    return slice_eq(s, SLICE("confirmed")) ? SIM_CONFIRMED : SIM_FINALIZED;
}

/* The highest slot with a block at that commitment. */
uint64_t sim_solana_slot(const struct sim_call *k, enum sim_commitment c)
{
    static const unsigned lag[] = {[SIM_PROCESSED] = 0, [SIM_CONFIRMED] = 1, [SIM_FINALIZED] = FINAL_LAG};
    uint64_t slot = k->head > lag[c] ? k->head - lag[c] : 0;

    return sim_solana_skipped(slot) ? slot - 1 : slot;
}

enum lag_error { BEHIND_CONTEXT, BEHIND_CLUSTER };

/* Errors whose data is one number. */
static void lag_error(struct sim_call *k, enum lag_error e, uint64_t slots)
{
    unsigned long long n = slots;
    char data[64];

    if (e == BEHIND_CONTEXT) {
        snprintf(data, sizeof data, "{\"contextSlot\":%llu}", n);
        sim_error(k, -32016, data, "Minimum context slot has not been reached");
    } else {
        snprintf(data, sizeof data, "{\"numSlotsBehind\":%llu}", n);
        sim_error(k, -32005, data, "Node is behind by %llu slots", n);
    }
}

bool sim_solana_context(struct sim_call *k, unsigned i, uint64_t *slot)
{
    struct jval v;
    uint64_t least;

    *slot = sim_solana_slot(k, sim_solana_commitment(k, i));
    if (sim_solana_config(k, i, "minContextSlot", &v) && sim_number(&v, &least) && least > *slot) {
        lag_error(k, BEHIND_CONTEXT, *slot);
        return false;
    }
    return true;
}

bool sim_solana_pubkey(struct sim_call *k, const struct jval *v, uint8_t out[PUBKEY])
{
    struct slice s = sim_string(v);
    size_t n = s.n && s.n <= 44 ? base58_decode(out, PUBKEY, s) : 0;

    if (n == PUBKEY)
        return true;
    sim_error(k, -32602, NULL, "Invalid param: %s", s.n && s.n <= 44 && n != (size_t)-1 ? "WrongSize" : "Invalid");
    return false;
}

void sim_solana_open_context(struct sim_call *k, uint64_t slot)
{
    sim_text(k, "{\"context\":{\"apiVersion\":\"2.3.8\",\"slot\":");
    sim_u64(k, slot);
    sim_text(k, "},\"value\":");
}

static void get_slot(struct sim_call *k)
{
    uint64_t slot;

    if (sim_solana_context(k, 0, &slot))
        sim_u64(k, slot);
}

static void get_block_height(struct sim_call *k)
{
    uint64_t slot;

    if (sim_solana_context(k, 0, &slot))
        sim_u64(k, sim_solana_height(slot));
}

static void get_latest_blockhash(struct sim_call *k)
{
    uint64_t slot;

    if (!sim_solana_context(k, 0, &slot))
        return;
    sim_solana_open_context(k, slot);
    sim_text(k, "{\"blockhash\":");
    sim_base58_id(k, SIM_BLOCK, slot, PUBKEY);
    sim_text(k, ",\"lastValidBlockHeight\":");
    sim_u64(k, sim_solana_height(slot) + HASH_LIFE);
    sim_text(k, "}}");
}

static void is_blockhash_valid(struct sim_call *k)
{
    uint8_t hash[PUBKEY];
    uint64_t slot, of;
    bool known;

    if (!sim_solana_pubkey(k, &k->arg[0], hash) || !sim_solana_context(k, 1, &slot))
        return;
    known = mix_find(sim_key(k->c, SIM_BLOCK), hash, PUBKEY, &of) && of <= slot && of + HASH_LIFE >= slot;
    sim_solana_open_context(k, slot);
    sim_bytes(k, known ? "true}" : "false}", known ? 5 : 6);
}

static void get_fee_for_message(struct sim_call *k)
{
    uint64_t slot;

    if (!sim_solana_context(k, 1, &slot))
        return;
    sim_solana_open_context(k, slot);
    sim_text(k, "5000}");
}

static void get_health(struct sim_call *k)
{
    if (k->c->head_lag < UNHEALTHY_LAG)
        sim_text(k, "\"ok\"");
    else
        lag_error(k, BEHIND_CLUSTER, k->c->head_lag);
}

static void get_version(struct sim_call *k)
{
    sim_text(k, "{\"feature-set\":3640012085,\"solana-core\":\"2.3.8\"}");
}

static void get_genesis_hash(struct sim_call *k)
{
    sim_base58_id(k, SIM_BLOCK, 0, PUBKEY);
}

static void get_identity(struct sim_call *k)
{
    sim_text(k, "{\"identity\":");
    sim_base58_id(k, SIM_VALIDATOR, 0, PUBKEY);
    sim_text(k, "}");
}

static void get_epoch_info(struct sim_call *k)
{
    uint64_t slot;

    if (!sim_solana_context(k, 0, &slot))
        return;
    sim_text(k, "{\"absoluteSlot\":");
    sim_u64(k, slot);
    sim_text(k, ",\"blockHeight\":");
    sim_u64(k, sim_solana_height(slot));
    sim_text(k, ",\"epoch\":");
    sim_u64(k, slot / EPOCH_SLOTS);
    sim_text(k, ",\"slotIndex\":");
    sim_u64(k, slot % EPOCH_SLOTS);
    sim_text(k, ",\"slotsInEpoch\":432000,\"transactionCount\":");
    sim_u64(k, slot * 2);
    sim_text(k, "}");
}

static void get_epoch_schedule(struct sim_call *k)
{
    sim_text(k, "{\"firstNormalEpoch\":0,\"firstNormalSlot\":0,\"leaderScheduleSlotOffset\":432000,"
                "\"slotsPerEpoch\":432000,\"warmup\":false}");
}

static void get_inflation_governor(struct sim_call *k)
{
    sim_text(k, "{\"foundation\":0.0,\"foundationTerm\":0.0,\"initial\":0.08,\"taper\":0.15,\"terminal\":0.015}");
}

static void get_inflation_rate(struct sim_call *k)
{
    sim_text(k, "{\"epoch\":");
    sim_u64(k, k->head / EPOCH_SLOTS);
    sim_text(k, ",\"foundation\":0.0,\"total\":0.04271689347124,\"validator\":0.04271689347124}");
}

static void get_transaction_count(struct sim_call *k)
{
    uint64_t slot;

    if (sim_solana_context(k, 0, &slot))
        sim_u64(k, slot * 2);
}

static uint64_t leader(const struct sim_call *k, uint64_t slot)
{
    return mix64(k->c->key + slot / LEADER_RUN) % VALIDATORS;
}

static void get_slot_leader(struct sim_call *k)
{
    uint64_t slot;

    if (sim_solana_context(k, 0, &slot))
        sim_base58_id(k, SIM_VALIDATOR, leader(k, slot), PUBKEY);
}

static void get_slot_leaders(struct sim_call *k)
{
    uint64_t first, count;

    if (!sim_number(&k->arg[0], &first) || !sim_number(&k->arg[1], &count) || count > MAX_LEADERS) {
        sim_error(k, -32602, NULL, "Invalid limit; max %u", MAX_LEADERS);
        return;
    }
    sim_text(k, "[");
    for (uint64_t i = 0; i < count; i++) {
        sim_comma(k, i == 0);
        sim_base58_id(k, SIM_VALIDATOR, leader(k, first + i), PUBKEY);
    }
    sim_text(k, "]");
}

static void get_first_available_block(struct sim_call *k)
{
    sim_text(k, "0");
}

static void get_min_balance(struct sim_call *k)
{
    uint64_t bytes;

    if (sim_number(&k->arg[0], &bytes) && bytes <= 10485760)
        sim_u64(k, (128 + bytes) * 6960); /* 3480 lamports a byte and year, two years */
    else
        sim_error(k, -32602, NULL, "Invalid params: invalid data length");
}

static void get_prioritization_fees(struct sim_call *k)
{
    uint64_t slot = sim_solana_slot(k, SIM_CONFIRMED), from = slot > HASH_LIFE ? slot - HASH_LIFE : 0;

    sim_text(k, "[");
    for (uint64_t s = from; s < slot; s++) {
        sim_comma(k, s == from);
        sim_text(k, "{\"prioritizationFee\":");
        sim_u64(k, mix64(k->c->key ^ s) % 100 < 80 ? 0 : mix64(k->c->key ^ s) % 100000);
        sim_text(k, ",\"slot\":");
        sim_u64(k, s);
        sim_text(k, "}");
    }
    sim_text(k, "]");
}

static void get_performance_samples(struct sim_call *k)
{
    uint64_t slot = sim_solana_slot(k, SIM_CONFIRMED), limit = 10;

    if (k->args)
        sim_number(&k->arg[0], &limit);
    limit = limit > 720 ? 720 : limit;
    sim_text(k, "[");
    for (uint64_t i = 0; i < limit && slot > 150 * (i + 1); i++) {
        sim_comma(k, i == 0);
        sim_text(k, "{\"numNonVoteTransactions\":90000,\"numSlots\":150,\"numTransactions\":300000,"
                    "\"samplePeriodSecs\":60,\"slot\":");
        sim_u64(k, slot - 150 * i);
        sim_text(k, "}");
    }
    sim_text(k, "]");
}

static void list_blocks(struct sim_call *k, uint64_t from, uint64_t to, uint64_t limit)
{
    uint64_t written = 0;

    limit = limit > MAX_BLOCKS_HERE ? MAX_BLOCKS_HERE : limit;
    sim_text(k, "[");
    for (uint64_t s = from; s <= to && written < limit; s++) {
        if (sim_solana_skipped(s))
            continue;
        if (written++)
            sim_text(k, ",");
        sim_u64(k, s);
    }
    sim_text(k, "]");
}

static void get_blocks(struct sim_call *k)
{
    uint64_t from, to = sim_solana_slot(k, SIM_FINALIZED), last;

    if (!sim_number(&k->arg[0], &from)) {
        sim_error(k, -32602, NULL, "Invalid params: invalid slot");
        return;
    }
    if (k->args > 1 && sim_number(&k->arg[1], &last) && last < to)
        to = last;
    if (to >= from && to - from > MAX_BLOCKS)
        sim_error(k, -32602, NULL, "Slot range too large; max %u", MAX_BLOCKS);
    else
        list_blocks(k, from, to, UINT64_MAX);
}

static void get_blocks_with_limit(struct sim_call *k)
{
    uint64_t from, limit;

    if (!sim_number(&k->arg[0], &from) || !sim_number(&k->arg[1], &limit) || limit > MAX_BLOCKS)
        sim_error(k, -32602, NULL, "Limit too large; max %u", MAX_BLOCKS);
    else
        list_blocks(k, from, sim_solana_slot(k, SIM_FINALIZED), limit);
}

static void get_supply(struct sim_call *k)
{
    uint64_t slot;

    if (!sim_solana_context(k, 0, &slot))
        return;
    sim_solana_open_context(k, slot);
    sim_text(k, "{\"circulating\":540000000000000000,\"nonCirculating\":60000000000000000,"
                "\"nonCirculatingAccounts\":[],\"total\":600000000000000000}}");
}

static void get_vote_accounts(struct sim_call *k)
{
    uint64_t slot = sim_solana_slot(k, SIM_FINALIZED);

    sim_text(k, "{\"current\":[");
    for (unsigned i = 0; i < VALIDATORS; i++) {
        sim_comma(k, i == 0);
        sim_text(k, "{\"activatedStake\":");
        sim_u64(k, 1000000000000u * (i + 1));
        sim_text(k, ",\"commission\":5,\"epochCredits\":[],\"epochVoteAccount\":true,\"lastVote\":");
        sim_u64(k, slot);
        sim_text(k, ",\"nodePubkey\":");
        sim_base58_id(k, SIM_VALIDATOR, i, PUBKEY);
        sim_text(k, ",\"rootSlot\":");
        sim_u64(k, slot > 31 ? slot - 31 : 0);
        sim_text(k, ",\"votePubkey\":");
        sim_base58_id(k, SIM_CODE, i, PUBKEY);
        sim_text(k, "}");
    }
    sim_text(k, "],\"delinquent\":[]}");
}

static void get_cluster_nodes(struct sim_call *k)
{
    sim_text(k, "[");
    for (unsigned i = 0; i < VALIDATORS; i++) {
        sim_comma(k, i == 0);
        sim_text(k, "{\"featureSet\":3640012085,\"gossip\":\"127.0.0.1:8001\",\"pubkey\":");
        sim_base58_id(k, SIM_VALIDATOR, i, PUBKEY);
        sim_text(k, ",\"rpc\":null,\"shredVersion\":50093,\"tpu\":null,\"version\":\"2.3.8\"}");
    }
    sim_text(k, "]");
}

static void shred_slot(struct sim_call *k)
{
    sim_u64(k, k->head + k->c->shred_lag);
}

const struct sim_method sim_solana_methods[] = {
    SIM_METHOD("getSlot", get_slot, 0),
    SIM_METHOD("getLatestBlockhash", get_latest_blockhash, 0),
    SIM_METHOD("getBlockHeight", get_block_height, 0),
    SIM_METHOD("getHealth", get_health, 0),
    SIM_METHOD("getVersion", get_version, 0),
    SIM_METHOD("getEpochInfo", get_epoch_info, 0),
    SIM_METHOD("isBlockhashValid", is_blockhash_valid, 1),
    SIM_METHOD("getFeeForMessage", get_fee_for_message, 1),
    SIM_METHOD("getRecentPrioritizationFees", get_prioritization_fees, 0),
    SIM_METHOD("getMinimumBalanceForRentExemption", get_min_balance, 1),
    SIM_METHOD("getGenesisHash", get_genesis_hash, 0),
    SIM_METHOD("getIdentity", get_identity, 0),
    SIM_METHOD("getSlotLeader", get_slot_leader, 0),
    SIM_METHOD("getSlotLeaders", get_slot_leaders, 2),
    SIM_METHOD("getEpochSchedule", get_epoch_schedule, 0),
    SIM_METHOD("getInflationGovernor", get_inflation_governor, 0),
    SIM_METHOD("getInflationRate", get_inflation_rate, 0),
    SIM_METHOD("getTransactionCount", get_transaction_count, 0),
    SIM_METHOD("getFirstAvailableBlock", get_first_available_block, 0),
    SIM_METHOD("minimumLedgerSlot", get_first_available_block, 0),
    SIM_METHOD("getMaxRetransmitSlot", shred_slot, 0),
    SIM_METHOD("getMaxShredInsertSlot", shred_slot, 0),
    SIM_METHOD("getRecentPerformanceSamples", get_performance_samples, 0),
    SIM_METHOD("getBlocks", get_blocks, 1),
    SIM_METHOD("getBlocksWithLimit", get_blocks_with_limit, 2),
    SIM_METHOD("getSupply", get_supply, 0),
    SIM_METHOD("getVoteAccounts", get_vote_accounts, 0),
    SIM_METHOD("getClusterNodes", get_cluster_nodes, 0),
    SIM_METHODS_END,
};
