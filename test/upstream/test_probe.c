/* Questions of the gateway's own, with time as a number. */
#include "test.h"

#include "upstream/probe.h"

#define MAINNET "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
#define DEVNET  "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"

static const struct probe_expect evm = {CHAIN_EVM, 1, ""}, solana = {CHAIN_SOLANA, 0, MAINNET};

static struct probe asked(const struct probe_expect *e)
{
    struct probe p;

    probe_init(&p, e);
    probe_asked(&p);
    return p;
}

TEST(nothing_is_asked_where_nothing_is_expected)
{
    static const struct probe_expect none[] = {{CHAIN_EVM, 0, ""}, {CHAIN_EVM, 0, MAINNET}, {CHAIN_SOLANA, 1, ""}};

    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        struct probe p;

        CHECK(!probe_expects(&none[i]));
        probe_init(&p, &none[i]);
        CHECK_EQ(p.state, PROBE_OFF);
        CHECK(probe_settled(&p) && !probe_holds(&p) && !probe_is_due(&p, 1000, true));
    }
}

TEST(it_is_asked_at_once_and_one_at_a_time)
{
    struct probe p;

    probe_init(&p, &evm);
    CHECK(probe_holds(&p) && !probe_settled(&p) && !probe_doubtful(&p));
    CHECK(probe_is_due(&p, 0, false));
    probe_asked(&p);
    CHECK(!probe_is_due(&p, 100000, true));
}

TEST(what_answers_mean)
{
    static const struct {
        const struct probe_expect *e;
        bool is_error;
        const char *payload;
        enum probe_news news;
        enum probe_state state;
        const char *said;
    } rows[] = {
        {&evm, false, "\"0x1\"", PROBE_AGREES, PROBE_VERIFIED, "1"},
        {&evm, false, "\"0x01\"", PROBE_AGREES, PROBE_VERIFIED, "1"},
        {&evm, false, "1", PROBE_AGREES, PROBE_VERIFIED, "1"},
        {&evm, false, "\"0x89\"", PROBE_DISAGREES, PROBE_REFUSED, "137"},
        {&evm, false, "\"0x0\"", PROBE_DISAGREES, PROBE_REFUSED, "0"},
        {&evm, false, "\"1\"", PROBE_NO_ANSWER, PROBE_UNKNOWN, ""},
        {&evm, false, "\"0x\"", PROBE_NO_ANSWER, PROBE_UNKNOWN, ""},
        {&evm, false, "null", PROBE_NO_ANSWER, PROBE_UNKNOWN, ""},
        {&evm, false, "{\"number\":\"0x1\"}", PROBE_NO_ANSWER, PROBE_UNKNOWN, ""},
        {&evm, false, "\"0x10000000000000001\"", PROBE_NO_ANSWER, PROBE_UNKNOWN, ""},
        {&evm, true, "{\"code\":-32601,\"message\":\"m\"}", PROBE_CANNOT_TELL, PROBE_UNVERIFIED, ""},
        {&evm, true, "{\"code\":-32004,\"message\":\"m\"}", PROBE_CANNOT_TELL, PROBE_UNVERIFIED, ""},
        {&evm, true, "{\"code\":-32005,\"message\":\"rate limit\"}", PROBE_NO_ANSWER, PROBE_UNKNOWN, ""},
        {&evm, true, "\"no\"", PROBE_NO_ANSWER, PROBE_UNKNOWN, ""},
        {&evm, true, "\"0x1\"", PROBE_NO_ANSWER, PROBE_UNKNOWN, ""},
        {&solana, false, "\"" MAINNET "\"", PROBE_AGREES, PROBE_VERIFIED, MAINNET},
        {&solana, false, "\"" DEVNET "\"", PROBE_DISAGREES, PROBE_REFUSED, DEVNET},
        {&solana, false, "\"UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d\"", PROBE_NO_ANSWER, PROBE_UNKNOWN, ""},
        {&solana, false, "\"0x1\"", PROBE_NO_ANSWER, PROBE_UNKNOWN, ""},
        {&solana, false, "1", PROBE_NO_ANSWER, PROBE_UNKNOWN, ""},
        {&solana, true, "{\"code\":-32601,\"message\":\"m\"}", PROBE_CANNOT_TELL, PROBE_UNVERIFIED, ""},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct probe p = asked(rows[i].e);

        CHECK_EQ(probe_answered(&p, rows[i].e, rows[i].is_error, slice_str(rows[i].payload), 5000), rows[i].news);
        CHECK_EQ(p.state, rows[i].state);
        CHECK_STR(slice_str(p.said), rows[i].said);
        CHECK_EQ(probe_doubtful(&p), rows[i].news == PROBE_NO_ANSWER);
        CHECK(!p.asking);
        CHECK_EQ(p.at_ms == UINT64_MAX, rows[i].state == PROBE_VERIFIED);
        if (test_failures)
            printf("# row %zu\n", i);
    }
}

TEST(one_on_another_chain_is_asked_less_and_less_often)
{
    static const uint64_t pauses[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    struct probe p = asked(&evm);
    uint64_t now_ms = 7;

    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        CHECK_EQ(probe_answered(&p, &evm, false, SLICE("\"0x5\""), now_ms), i ? PROBE_NO_NEWS : PROBE_DISAGREES);
        CHECK(!probe_holds(&p) && !probe_settled(&p));
        CHECK(!probe_is_due(&p, now_ms + pauses[i] - 1, true));
        CHECK(probe_is_due(&p, now_ms + pauses[i], false));
        now_ms += pauses[i];
        probe_asked(&p);
    }
    CHECK_EQ(probe_answered(&p, &evm, false, SLICE("\"0x6\""), now_ms), PROBE_DISAGREES); /* that is news */
    probe_asked(&p);
    CHECK_EQ(probe_answered(&p, &evm, true, SLICE("{\"code\":-32601,\"message\":\"\"}"), now_ms), PROBE_NO_ANSWER);
    CHECK_EQ(p.state, PROBE_REFUSED);
    probe_asked(&p);
    probe_failed(&p, true, now_ms);
    CHECK_EQ(p.state, PROBE_REFUSED);
    CHECK_EQ(p.at_ms, now_ms + 60000);
    probe_asked(&p);
    CHECK_EQ(probe_answered(&p, &evm, false, SLICE("\"0x1\""), now_ms), PROBE_AGREES);
    CHECK(probe_settled(&p) && p.failures == 0);
}

TEST(without_an_answer_it_is_asked_again)
{
    static const uint64_t pauses[] = {1000, 2000, 4000, 8000, 10000, 10000};
    struct probe p = asked(&evm);
    uint64_t now_ms = 7;

    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        probe_failed(&p, false, now_ms);
        CHECK(probe_holds(&p) && probe_doubtful(&p));
        CHECK(!probe_is_due(&p, now_ms + pauses[i] - 1, false));
        CHECK(probe_is_due(&p, now_ms, true)); /* at once when calls wait */
        CHECK(probe_is_due(&p, now_ms + pauses[i], false));
        now_ms += pauses[i];
        probe_asked(&p);
    }
}

TEST(one_that_was_out_of_reach_is_asked_as_soon_as_it_is_connected)
{
    struct probe p = asked(&evm);

    probe_connected(&p, 10); /* while it is asked: nothing */
    CHECK(!probe_is_due(&p, 10, true));
    probe_failed(&p, true, 20);
    CHECK(!probe_is_due(&p, 30, false));
    probe_connected(&p, 30);
    CHECK(probe_is_due(&p, 30, false));
    probe_asked(&p);
    probe_failed(&p, false, 40); /* it was reached, and said nothing */
    probe_connected(&p, 50);
    CHECK(!probe_is_due(&p, 50, false));
}

TEST(another_credential_may_be_what_it_wanted)
{
    struct probe p = asked(&evm);

    probe_authorized(&p, 10); /* while it is asked: nothing */
    CHECK(!probe_is_due(&p, 10, true));
    probe_failed(&p, false, 20);
    CHECK(!probe_is_due(&p, 30, false));
    probe_authorized(&p, 30);
    CHECK(probe_is_due(&p, 30, false));
    probe_asked(&p);
    CHECK_EQ(probe_answered(&p, &evm, false, SLICE("\"0x1\""), 40), PROBE_AGREES);
    probe_authorized(&p, 50); /* it has told */
    CHECK(!probe_is_due(&p, 50, true));
}

TEST(one_that_cannot_tell_is_seldom_asked_again)
{
    struct probe p = asked(&evm);
    struct slice unknown = SLICE("{\"code\":-32601,\"message\":\"the method does not exist\"}");

    CHECK_EQ(probe_answered(&p, &evm, true, unknown, 0), PROBE_CANNOT_TELL);
    CHECK(!probe_holds(&p) && !probe_doubtful(&p) && !probe_settled(&p));
    CHECK(!probe_is_due(&p, 59999, true));
    CHECK(probe_is_due(&p, 60000, false));
    probe_asked(&p);
    CHECK_EQ(probe_answered(&p, &evm, true, unknown, 60000), PROBE_NO_NEWS);
    CHECK_EQ(p.at_ms, 180000);
    probe_asked(&p);
    probe_failed(&p, false, 180000);
    CHECK_EQ(p.state, PROBE_UNVERIFIED);
    CHECK_EQ(p.at_ms, 180000 + 240000);
    probe_asked(&p);
    CHECK_EQ(probe_answered(&p, &evm, false, SLICE("\"0x5\""), 500000), PROBE_DISAGREES);
    CHECK_EQ(p.at_ms, 501000);
}

TEST(texts)
{
    struct probe p = asked(&evm);
    char text[PROBE_TEXT_CAP];

    CHECK_STR(slice_str(probe_text(&p, &evm, text)), "chain_id 1 is expected");
    probe_answered(&p, &evm, false, SLICE("\"0x89\""), 0);
    CHECK_STR(slice_str(probe_text(&p, &evm, text)), "chain_id 1 is expected, it says 137");
    p = asked(&solana);
    probe_answered(&p, &solana, false, SLICE("\"" DEVNET "\""), 0);
    CHECK_STR(slice_str(probe_text(&p, &solana, text)), "genesis_hash " MAINNET " is expected, it says " DEVNET);
    CHECK_STR(probe_words(PROBE_IDENTITY, CHAIN_EVM, HEAD_LATEST).method, "eth_chainId");
    CHECK_STR(probe_words(PROBE_IDENTITY, CHAIN_SOLANA, HEAD_LATEST).method, "getGenesisHash");
    CHECK_STR(probe_words(PROBE_FINALIZED, CHAIN_EVM, HEAD_LATEST).params, "[\"finalized\",false]");
    CHECK_STR(probe_words(PROBE_HEAD, CHAIN_EVM, HEAD_FINALIZED).params, "[]");
    CHECK_STR(probe_words(PROBE_HEAD, CHAIN_SOLANA, HEAD_LATEST).params, "[{\"commitment\":\"processed\"}]");
    CHECK_STR(probe_words(PROBE_HEAD, CHAIN_SOLANA, HEAD_SAFE).params, "[{\"commitment\":\"confirmed\"}]");
    CHECK_STR(probe_words(PROBE_HEAD, CHAIN_SOLANA, HEAD_FINALIZED).params, "[{\"commitment\":\"finalized\"}]");
    CHECK_STR(probe_words(PROBE_SYNC, CHAIN_SOLANA, HEAD_LATEST).method, "getHealth");
}

TEST(the_finalized_block_is_asked_for_now_and_then)
{
    struct probe_final f;
    uint64_t number = 0;

    probe_final_init(&f, 0);
    CHECK(!probe_final_may(&f, 1000000));
    probe_final_init(&f, 12000);
    CHECK(probe_final_may(&f, 0));
    probe_final_asked(&f, 0);
    CHECK(!probe_final_may(&f, 20000)); /* one at a time */
    CHECK(probe_final_answered(&f, false, SLICE("{\"number\":\"0x64\"}"), 20000, &number));
    CHECK_EQ(number, 100);
    CHECK(probe_final_may(&f, 20000));
    probe_final_asked(&f, 20000);
    CHECK(probe_final_answered(&f, false, SLICE("{\"number\":\"0x65\"}"), 20001, &number));
    CHECK(!probe_final_may(&f, 31999) && probe_final_may(&f, 32000));
}

TEST(a_chain_that_knows_no_final_block_is_asked_less_and_less_often)
{
    static const struct {
        bool is_error;
        const char *payload;
        uint64_t pause_ms;
    } rows[] = {
        {false, "null", 12000},
        {true, "{\"code\":-32602,\"message\":\"no such tag\"}", 24000},
        {true, "{\"number\":\"0x64\"}", 48000},
        {false, "{\"number\":null}", 96000},
        {false, "null", 192000},
        {false, "null", 384000},
        {false, "null", 600000},
        {false, "null", 600000},
    };
    struct probe_final f;
    uint64_t now_ms = 0, number;

    probe_final_init(&f, 12000);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        probe_final_asked(&f, now_ms);
        CHECK(!probe_final_answered(&f, rows[i].is_error, slice_str(rows[i].payload), now_ms, &number));
        CHECK(!probe_final_may(&f, now_ms + rows[i].pause_ms - 1));
        CHECK(probe_final_may(&f, now_ms + rows[i].pause_ms));
        now_ms += rows[i].pause_ms;
    }
    probe_final_asked(&f, now_ms);
    CHECK(probe_final_answered(&f, false, SLICE("{\"number\":\"0x64\"}"), now_ms, &number));
    CHECK(probe_final_may(&f, now_ms + 12000));
}

TEST(how_soon_a_head_is_asked_for_again)
{
    static const struct {
        uint64_t block_ms, at_top, below;
    } rows[] = {{0, 1000, 250}, {12000, 5000, 1250}, {2000, 1000, 250}, {400, 200, 200}, {3600000, 5000, 1250}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_EQ(probe_head_gap_ms(rows[i].block_ms, true), rows[i].at_top);
        CHECK_EQ(probe_head_gap_ms(rows[i].block_ms, false), rows[i].below);
    }
}

TEST(who_says_that_it_syncs)
{
    static const struct {
        enum chain_family family;
        bool is_error;
        const char *said;
        enum probe_sync means;
    } rows[] = {
        {CHAIN_EVM, false, "false", PROBE_IN_SYNC},
        {CHAIN_EVM, false, "{\"startingBlock\":\"0x0\",\"currentBlock\":\"0x60\",\"highestBlock\":\"0x64\"}",
         PROBE_SYNCING},
        {CHAIN_EVM, false, "{\"currentBlock\":\"0x62\",\"highestBlock\":\"0x64\"}", PROBE_IN_SYNC},
        {CHAIN_EVM, false, "{\"batchSeen\":5}", PROBE_SYNCING},
        {CHAIN_EVM, true, "{\"code\":-32601,\"message\":\"no\"}", PROBE_SYNC_UNKNOWN},
        {CHAIN_EVM, true, "{\"code\":-32000,\"message\":\"no\"}", PROBE_IN_SYNC},
        {CHAIN_SOLANA, false, "\"ok\"", PROBE_IN_SYNC},
        {CHAIN_SOLANA, true, "{\"code\":-32005,\"message\":\"Node is behind by 42 slots\"}", PROBE_SYNCING},
        {CHAIN_SOLANA, true, "{\"code\":-32601,\"message\":\"no\"}", PROBE_SYNC_UNKNOWN},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK_EQ(probe_sync_read(rows[i].family, rows[i].is_error, slice_str(rows[i].said), 2), rows[i].means);
}

TEST_MAIN()
