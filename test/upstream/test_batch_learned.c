/* What was learned about batches, said in words and numbers. */
#include "../test.h"

#include "rpc/method.h"
#include "upstream/batch_learned.h"

static const struct batch_conf conf = {BATCH_AUTO, 50, 50000, 0};

static void check(const struct batch_limits *l, const struct batch_conf *c, uint64_t now_ms, const char *text)
{
    struct batch_limits before = *l;
    struct buf b;

    buf_init(&b, 4096);
    CHECK_EQ(batch_learned(l, c, now_ms, &b), 0);
    CHECK_STR(buf_get(&b), text);
    CHECK_EQ(memcmp(&before, l, sizeof before), 0); /* looking changes nothing */
    buf_deinit(&b);
}

static void refused(struct batch_limits *l, enum batch_refusal what, unsigned calls, size_t bytes, uint64_t now_ms)
{
    batch_limits_refused(l, &(struct batch_verdict){.what = what, .whole = true}, calls, bytes, now_ms);
}

TEST(nothing)
{
    struct batch_limits l = {0};
    struct batch_now n = batch_now(&l, &conf, 5);

    check(&l, &conf, 5, "");
    CHECK_EQ(n.calls, 50);
    CHECK_EQ(n.bytes, 50000);
    CHECK_EQ(n.shares, true);
    CHECK_EQ(n.barred, 0);
}

TEST(configured_off)
{
    struct batch_limits l = {0};
    struct batch_conf off = {BATCH_OFF, 50, 50000, 0};
    struct batch_now n = batch_now(&l, &off, 5);

    check(&l, &off, 5, "");
    CHECK_EQ(n.calls, 1);
    CHECK_EQ(n.shares, false);
}

TEST(limits)
{
    struct batch_limits l = {0};
    struct batch_now n;

    refused(&l, BATCH_REFUSAL_CALLS, 50, 9000, 1000);
    check(&l, &conf, 1000, "at most 25 calls (more in 60 s)");
    check(&l, &conf, 41500, "at most 25 calls (more in 20 s)");
    refused(&l, BATCH_REFUSAL_BYTES, 25, 9000, 2000);
    check(&l, &conf, 2000, "at most 25 calls (more in 59 s), at most 4500 bytes (more in 60 s)");
    n = batch_now(&l, &conf, 2000);
    CHECK_EQ(n.calls, 25);
    CHECK_EQ(n.bytes, 4500);
    check(&l, &conf, 10000000, "");
}

TEST(no_batches)
{
    struct batch_limits l = {0};

    refused(&l, BATCH_REFUSAL_DISABLED, 50, 9000, 1000);
    check(&l, &conf, 1001, "no batches (tried again in 60 s)");
    CHECK_EQ(batch_now(&l, &conf, 1001).shares, false);
    check(&l, &conf, 61000, "tries whether batches are taken again");
    CHECK_EQ(batch_now(&l, &conf, 61000).calls, BATCH_PROBE_CALLS);
    batch_limits_taken(&l, 2, 300, 61000);
    check(&l, &conf, 61000, "");
}

TEST(methods_alone)
{
    static const char *const names[] = {"eth_call",    "eth_getBalance", "eth_getCode",
                                        "eth_getLogs", "eth_gasPrice",   "eth_getStorageAt"};
    struct batch_limits l = {0};

    batch_limits_bar(&l, method_get(CHAIN_EVM, slice_str(names[0]))->slot, 1000);
    check(&l, &conf, 1000, "eth_call alone (60 s)");
    refused(&l, BATCH_REFUSAL_CALLS, 8, 900, 1000);
    check(&l, &conf, 1000, "at most 4 calls (more in 60 s), eth_call alone (60 s)");
    for (int i = 1; i < 6; i++)
        batch_limits_bar(&l, method_get(CHAIN_EVM, slice_str(names[i]))->slot, 1000);
    CHECK_EQ(batch_now(&l, &conf, 1000).barred, 6);
    CHECK_EQ(batch_now(&l, &conf, 61000).barred, 0);
}

TEST_MAIN()
