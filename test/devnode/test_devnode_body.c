#include "test.h"

#include "base/buf.h"
#include "devnode/devnode.h"
#include "devnode/devnode_body.h"
#include "devnode/devnode_chain.h"

#define CALL(id)            "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"eth_chainId\"}"
#define NOTE                "{\"jsonrpc\":\"2.0\",\"method\":\"eth_chainId\"}"
#define RES(id)             "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":\"0x1\"}"
#define ERR(id, code, text) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":" code ",\"message\":\"" text "\"}}"
#define INVALID             ERR("null", "-32600", "invalid request")

static void expect(const struct devnode_conf *conf, const char *body, const char *want)
{
    struct devnode_chain *chain = devnode_chain_new(conf);
    struct devnode_body b;
    struct buf out;
    char line[4096];

    devnode_body_init(&b, chain, conf);
    buf_init(&out, 1 << 20);
    CHECK_EQ(devnode_body_answer(&b, slice_str(body), 1795237357000u, &out), 0);
    snprintf(line, sizeof line, "%s%s", want, want[0] ? "\n" : "");
    CHECK_STR(buf_get(&out), line);
    buf_deinit(&out);
    devnode_chain_free(chain);
}

TEST(evm_bodies)
{
    static const char *const rows[][2] = {
        {CALL("1"), RES("1")},
        {" \n" CALL("\"a\\u0041\"") " ", RES("\"a\\u0041\"")},
        {CALL("1.50"), RES("1.50")},
        {CALL("123456789012345678901234567890"), RES("123456789012345678901234567890")},
        {CALL("null"), RES("null")},
        {CALL("true"), RES("true")},
        {CALL("{}"), INVALID},
        {NOTE, ""},
        {"", ERR("null", "-32700", "parse error")},
        {"{", ERR("null", "-32700", "parse error")},
        {CALL("1") "x", ERR("null", "-32700", "parse error")},
        {"[" CALL("1"), ERR("null", "-32700", "parse error")},
        {"[]", ERR("null", "-32600", "empty batch")},
        {" [ ] ", ERR("null", "-32600", "empty batch")},
        {"[1,{}]", "[" INVALID "," INVALID "]"},
        {"[" CALL("1") "]", "[" RES("1") "]"},
        {"[" NOTE "]", ""},
        {"[" NOTE "," CALL("1") "," NOTE "," CALL("1") "," NOTE "]", "[" RES("1") "," RES("1") "]"},
        {"{\"jsonrpc\":\"1.0\",\"id\":4,\"method\":\"eth_chainId\"}", ERR("4", "-32600", "invalid request")},
        {"{\"jsonrpc\":\"2.0\",\"id\":4}", ERR("4", "-32600", "invalid request")},
        {"{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":7}", ERR("4", "-32600", "invalid request")},
        {"{\"method\":\"eth_\\u0063hainId\",\"id\":4,\"jsonrpc\":\"2.0\",\"extra\":[]}", RES("4")},
    };
    struct devnode_conf conf;

    devnode_conf_default(&conf);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect(&conf, rows[i][0], rows[i][1]);
}

TEST(batch_limits)
{
    struct devnode_conf conf;

    devnode_conf_default(&conf);
    conf.max_batch = 2;
    expect(&conf, "[" CALL("7") "," CALL("8") "]", "[" RES("7") "," RES("8") "]");
    expect(&conf, "[" CALL("7") "," CALL("8") "," CALL("9") "]", "[" ERR("7", "-32600", "batch too large") "]");
    conf.batch = false;
    expect(&conf, "[" CALL("7") "]", ERR("null", "-32005", "Batched requests are not supported by this server"));
    expect(&conf, CALL("7"), RES("7"));
}

TEST(shapes_of_a_refused_batch)
{
    static const struct {
        enum devnode_batch_style style;
        const char *want;
    } rows[] = {
        {DEVNODE_GETH, "[" ERR("7", "-32600", "batch too large") "]"},
        {DEVNODE_ERIGON, ERR("null", "-32000", "batch limit 2 exceeded: 3 requests given")},
        {DEVNODE_RETH, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32010,\"message\":\"The batch request "
                       "was too large\",\"data\":\"Exceeded max limit of 2\"}}"},
    };
    struct devnode_conf conf;

    devnode_conf_default(&conf);
    conf.max_batch = 2;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        conf.batch_style = rows[i].style;
        expect(&conf, "[" CALL("7") "," CALL("8") "]", "[" RES("7") "," RES("8") "]");
        expect(&conf, "[" CALL("7") "," CALL("8") "," CALL("9") "]", rows[i].want);
    }
}

/* Elements fail; a call that comes alone does not. */
TEST(faults_of_elements)
{
    struct devnode_conf conf;

    devnode_conf_default(&conf);
    conf.drop_rate = 1;
    expect(&conf, "[" CALL("7") "," CALL("8") "]", "");
    expect(&conf, CALL("7"), RES("7"));
    conf.drop_rate = 0;
    conf.null_id_rate = 1;
    expect(&conf, "[" CALL("7") "," NOTE "," CALL("8") "]", "[" RES("null") "," RES("null") "]");
    expect(&conf, CALL("7"), RES("7"));
    conf.null_id_rate = 0;
    conf.element_limit_rate = 1;
    expect(&conf, "[" CALL("7") "," NOTE "]",
           "[" ERR("7", "429", "Your app has exceeded its compute units per second capacity") "]");
    expect(&conf, CALL("7"), RES("7"));
}

TEST(shuffled_elements_are_all_there)
{
    struct devnode_conf conf;
    struct devnode_chain *chain;
    struct devnode_body b;
    struct buf out, body;
    char want[100];
    unsigned in_place = 0;

    devnode_conf_default(&conf);
    conf.shuffle = true;
    chain = devnode_chain_new(&conf);
    devnode_body_init(&b, chain, &conf);
    buf_init(&out, 1 << 20);
    buf_init(&body, 1 << 20);
    for (unsigned i = 100; i < 200; i++)
        buf_printf(&body, "%s" CALL("%u"), i > 100 ? "," : "[", i);
    buf_str(&body, "]");
    CHECK_EQ(devnode_body_answer(&b, buf_get(&body), 1795237357000u, &out), 0);
    for (unsigned i = 100; i < 200; i++) {
        const char *at;

        snprintf(want, sizeof want, RES("%u"), i);
        at = memmem(out.p, out.n, want, strlen(want));
        CHECK(at != NULL);
        in_place += at == out.p + 1 + (i - 100) * (strlen(want) + 1);
    }
    CHECK_EQ(out.n, 100 * (strlen(want) + 1) + 2);
    CHECK(in_place < 20);
    CHECK_EQ(b.calls, 100);
    CHECK_EQ(b.batches, 1);
    CHECK_EQ(b.batch_calls, 100);
    CHECK_EQ(b.largest_batch, 100);
    buf_deinit(&out);
    buf_deinit(&body);
    devnode_chain_free(chain);
}

TEST(all_calls_fail_at_rate_one)
{
    struct devnode_conf conf;

    devnode_conf_default(&conf);
    conf.error_rate = 1;
    expect(&conf, CALL("1"), ERR("1", "-32603", "simulated internal error"));
    expect(&conf, NOTE, "");
}

TEST(solana_bodies)
{
    static const char *const rows[][2] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getHealth\"}", "{\"jsonrpc\":\"2.0\",\"result\":\"ok\",\"id\":1}"},
        {"[]", ""},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"getHealth\"}",
         "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid request\"},\"id\":null}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getHealth\",\"more\":1}",
         "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid request\"},\"id\":1}"},
    };
    struct devnode_conf conf;

    devnode_conf_default(&conf);
    conf.solana = true;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect(&conf, rows[i][0], rows[i][1]);
}

TEST_MAIN()
