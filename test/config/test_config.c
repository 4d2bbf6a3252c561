/* What config_parse makes of good files: defaults, every key of the contract, the environment, the order of methods. */
#include "test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/config_arena.h"
#include "config/config_env.h"
#include "config/config_key.h"
#include "upstream/preset.h"

static struct buf report;

static struct config *parse_as(const char *text, const char *file)
{
    struct config *c = NULL;
    int r;

    buf_deinit(&report);
    buf_init(&report, 1 << 20);
    r = config_parse(&c, slice_str(text), file, &report);
    CHECK_EQ(r, 0);
    CHECK_STR(buf_get(&report), "");
    return c;
}

static struct config *parse(const char *text)
{
    return parse_as(text, "endpoints.json");
}

static void done(struct config *c)
{
    config_free(c);
    buf_deinit(&report);
}

#define IS(text, expected) CHECK_STR(slice_str(text), expected)

TEST(defaults)
{
    struct config *c = parse("{\"chains\":{\"x\":{\"family\":\"evm\",\"endpoints\":[{\"name\":\"n\","
                             "\"url\":\"http://127.0.0.1:8545\"}]}}}");
    const struct limits_conf *l = &c->limits;
    const struct endpoint_conf *e = &c->chains[0].endpoints[0];

    CHECK_EQ(c->n_listen, 1);
    IS(c->listen[0], "127.0.0.1:8545");
    CHECK_EQ(c->n_admin, 1);
    IS(c->admin[0], "127.0.0.1:8546");
    CHECK_EQ(l->max_body_bytes, 10485760);
    CHECK_EQ(l->max_bodies_bytes, 536870912);
    CHECK_EQ(l->max_batch_calls, 1000);
    CHECK_EQ(l->max_clients, 10000);
    CHECK_EQ(l->max_inflight_calls, 20000);
    CHECK_EQ(l->max_upstream_sockets, 1000);
    CHECK_EQ(l->max_json_depth, 128);
    CHECK_EQ(l->max_pipelined, 64);
    CHECK_EQ(l->max_client_buffer_bytes, 2097152);
    CHECK_EQ(l->header_timeout_ms, 5000);
    CHECK_EQ(l->body_timeout_ms, 15000);
    CHECK_EQ(l->idle_timeout_ms, 75000);
    CHECK_EQ(l->write_timeout_ms, 30000);
    CHECK_EQ(l->call_timeout_ms, 10000);
    CHECK_EQ(l->drain_timeout_ms, 10000);
    CHECK_EQ(c->n_hosts, 3);
    IS(c->hosts[0], "localhost");
    IS(c->hosts[1], "127.0.0.1");
    IS(c->hosts[2], "[::1]");
    CHECK_EQ(c->n_cors_origins, 0);
    CHECK_EQ(c->log_level, LOG_INFO);
    CHECK_EQ(c->log_format, LOG_LOGFMT);
    CHECK(!c->access_log);
    CHECK_EQ(c->n_chains, 1);
    IS(c->chains[0].name, "x");
    CHECK_EQ(c->chains[0].family, CHAIN_EVM);
    CHECK_EQ(c->chains[0].chain_id, 0);
    CHECK_EQ(c->chains[0].block_time_ms, 0);
    CHECK(c->chains[0].is_default);
    CHECK_EQ(c->chains[0].n_methods, 0);
    CHECK_EQ(c->chains[0].n_endpoints, 1);
    IS(e->name, "n");
    IS(e->url, "http://127.0.0.1:8545");
    CHECK_EQ(e->weight, 1);
    CHECK_EQ(e->tier, 0);
    CHECK_EQ(e->timeout_ms, 0);
    CHECK_EQ(e->connect_timeout_ms, 3000);
    CHECK_EQ(e->n_headers, 0);
    CHECK_EQ(e->max_inflight, 0);
    CHECK_EQ(e->max_response_bytes, 12582912);
    CHECK_EQ(e->accept_encoding, ENCODING_AUTO);
    CHECK_EQ(e->batch.mode, BATCH_AUTO);
    CHECK_EQ(e->batch.max_calls, 50);
    CHECK_EQ(e->batch.max_bytes, 50000);
    CHECK_EQ(e->batch.window_us, 0);
    CHECK_EQ(e->pool.max_sockets, 50);
    CHECK_EQ(e->pool.max_idle, 10);
    CHECK_EQ(e->pool.min_warm, 1);
    CHECK_EQ(e->pool.idle_timeout_ms, 30000);
    CHECK_EQ(e->pool.order, POOL_LIFO);
    CHECK_EQ(e->pool.max_requests_per_socket, 0);
    CHECK_EQ(e->pool.max_waiting, 4096);
    CHECK(e->tls.verify);
    IS(e->tls.ca_file, "");
    IS(e->tls.server_name, "");
    IS(e->tls.client_cert, "");
    IS(e->tls.client_key, "");
    IS(e->proxy, "");
    CHECK_EQ(e->dns_family, DIAL_ANY);
    CHECK_EQ(e->dns_ttl_ms, 300000);
    done(c);
}

/* The whole contract, each value other than its default where it can be. */
static const char contract[] =
    "{"
    "  \"$schema\": \"./endpoints.schema.json\","
    "  \"listen\": \"127.0.0.1:8545\","
    "  \"admin\": \"127.0.0.1:8546\","
    "  \"limits\": { \"max_body_bytes\": 10485760, \"max_batch_calls\": 1000, \"max_clients\": 10000,"
    "              \"max_inflight_calls\": 20000, \"max_upstream_sockets\": 1000,"
    "              \"header_timeout_ms\": 5000, \"body_timeout_ms\": 15000, \"idle_timeout_ms\": 75000,"
    "              \"call_timeout_ms\": 10000, \"drain_timeout_ms\": 10000 },"
    "  \"hosts\": [\"localhost\", \"127.0.0.1\", \"[::1]\"], \"cors_origins\": [],"
    "  \"chains\": {"
    "    \"ethereum\": {"
    "      \"family\": \"evm\", \"chain_id\": 1, \"default\": true, \"block_time_ms\": 12000,"
    "      \"routing\": \"weighted\", \"coalesce\": true, \"cache\": { \"max_bytes\": 67108864, \"head\": false },"
    "      \"retry\": { \"max_attempts\": 3, \"budget_percent\": 20 },"
    "      \"hedge\": { \"quantile\": 0.95, \"min_delay_ms\": 5, \"budget_percent\": 5 },"
    "      \"broadcast\": { \"endpoints\": \"all\" },"
    "      \"methods\": { \"debug_*\": { \"allow\": false }, \"eth_getLogs\": { \"timeout_ms\": 20000, \"units\": 60 } "
    "},"
    "      \"endpoints\": ["
    "        { \"name\": \"provider-a\", \"url\": \"https://host/v2/${PROVIDER_A_KEY}\", \"weight\": 3, \"tier\": 0,"
    "          \"timeout_ms\": 5000, \"headers\": { \"x-api-key\": \"${KEY}\" },"
    "          \"auth\": { \"bearer_file\": \"token.txt\" },"
    "          \"rate_limit\": { \"requests_per_s\": 25, \"burst\": 50, \"units_per_s\": 500,"
    "                          \"requests_per_day\": 100000 }, \"max_inflight\": 200,"
    "          \"pool\": { \"max_sockets\": 50, \"max_idle\": 10, \"min_warm\": 2, \"idle_timeout_ms\": 30000,"
    "                    \"order\": \"lifo\", \"max_requests_per_socket\": 0 },"
    "          \"batch\": { \"mode\": \"auto\", \"max_calls\": 50, \"max_bytes\": 50000, \"window_us\": 0 },"
    "          \"tls\": { \"verify\": true, \"ca_file\": \"\", \"server_name\": \"\", \"client_cert\": \"\","
    "                   \"client_key\": \"\" },"
    "          \"proxy\": \"\", \"dns\": { \"family\": \"any\", \"ttl_ms\": 300000 } }"
    "      ] },"
    "    \"solana\": { \"family\": \"solana\","
    "                \"endpoints\": [ { \"name\": \"node\", \"url\": \"http://127.0.0.1:8899\" } ] }"
    "  }"
    "}";

TEST(contract_example)
{
    struct config *c;
    const struct chain_conf *evm;
    const struct endpoint_conf *e;
    struct buf out;
    char dir[] = "/tmp/millrace-config-XXXXXX", was[4096];
    FILE *token;

    CHECK(getcwd(was, sizeof was) && mkdtemp(dir) && chdir(dir) == 0);
    token = fopen("token.txt", "w");
    CHECK(token && fputs("hush-token\n", token) > 0 && fclose(token) == 0);
    setenv("PROVIDER_A_KEY", "hush-url", 1);
    setenv("KEY", "hush-header", 1);
    c = parse(contract);
    CHECK(unlink("token.txt") == 0 && chdir(was) == 0 && rmdir(dir) == 0);
    evm = &c->chains[0];
    e = &evm->endpoints[0];
    CHECK_EQ(c->n_chains, 2);
    CHECK_EQ(evm->chain_id, 1);
    CHECK_EQ(evm->block_time_ms, 12000);
    CHECK(evm->is_default);
    CHECK(!c->chains[1].is_default);
    CHECK_EQ(c->chains[1].family, CHAIN_SOLANA);
    CHECK_EQ(evm->n_methods, 2);
    IS(evm->methods[0].pattern, "eth_getLogs");
    CHECK_EQ(evm->methods[0].timeout_ms, 20000);
    IS(evm->methods[1].pattern, "debug_*");
    CHECK_EQ(evm->methods[1].timeout_ms, 0);
    CHECK_EQ(evm->methods[0].units, 60);
    CHECK_EQ(evm->methods[1].units, UNITS_ABSENT);
    CHECK_EQ(evm->methods[0].allow, SETTING_ABSENT);
    CHECK_EQ(evm->methods[1].allow, SETTING_OFF);
    CHECK(evm->coalesce);
    CHECK_EQ((unsigned)(evm->hedge.quantile * 1000 + 0.5), 950);
    CHECK_EQ(evm->hedge.min_delay_ms, 5);
    CHECK_EQ(evm->hedge.budget_percent, 5);
    IS(e->url, "https://host/v2/hush-url");
    CHECK_EQ(e->n_headers, 1);
    IS(e->headers[0].name, "x-api-key");
    IS(e->headers[0].value, "hush-header");
    CHECK_EQ(e->auth.kind, AUTH_BEARER_FILE);
    IS(e->auth.bearer_file, "token.txt");
    CHECK_EQ(e->auth.command_timeout_ms, 10000);
    CHECK_EQ(evm[1].endpoints[0].auth.kind, AUTH_NONE);
    CHECK_EQ(e->weight, 3);
    CHECK_EQ(e->timeout_ms, 5000);
    CHECK_EQ(e->max_inflight, 200);
    CHECK_EQ(e->pool.min_warm, 2);

    buf_init(&out, 1 << 20);
    CHECK_EQ(config_print(c, &out), 0);
    CHECK_STR(buf_get(&out),
              "listen 127.0.0.1:8545\n"
              "admin  127.0.0.1:8546\n"
              "CHAIN      FAMILY  ENDPOINT    TIER  WEIGHT  SOCKETS  WARM  PROXY        URL\n"
              "ethereum*  evm     provider-a  0     3       50       2     environment  https://host:443/...\n"
              "solana     solana  node        0     1       50       1     environment  http://127.0.0.1:8899/...\n"
              "* answers POST /\n");
    buf_deinit(&out);
    done(c);
}

TEST(all_that_is_in_force)
{
    struct config *c = parse(
        "{\"listen\":[\"[::1]:0\",\"unix:/run/m.sock\"],\"admin\":\"\",\"hosts\":[\"*\"],"
        "\"cors_origins\":[\"https://app.example:8443\",\"*\"],"
        "\"log\":{\"level\":\"debug\",\"format\":\"json\",\"access\":true},"
        "\"chains\":{\"a\":{\"family\":\"solana\",\"endpoints\":[{\"name\":\"n\",\"url\":\"https://u:p@h/x?y=$z\","
        "\"connect_timeout_ms\":10,\"max_response_bytes\":4096,\"accept_encoding\":\"all\","
        "\"headers\":{\"Authorisation\":\"a b\",\"x-empty\":\"\"},"
        "\"pool\":{\"max_sockets\":3,\"max_idle\":2,\"min_warm\":0,\"order\":\"fifo\",\"max_requests_per_socket\":7,"
        "\"max_waiting\":0},\"batch\":{\"mode\":\"always\",\"max_calls\":9,\"max_bytes\":300,\"window_us\":2500},"
        "\"tls\":{\"verify\":false,\"server_name\":\"other.example\"},"
        "\"proxy\":\"http://u:p@proxy:3128\",\"dns\":{\"family\":\"6\",\"ttl_ms\":0}}]},"
        "\"b\":{\"family\":\"evm\",\"default\":true,\"chain_id\":9007199254740991,"
        "\"endpoints\":[{\"name\":\"n\",\"url\":\"http://h\",\"proxy\":\"none\"}]}}}");
    const struct endpoint_conf *e = &c->chains[0].endpoints[0];

    CHECK_EQ(c->n_listen, 2);
    IS(c->listen[0], "[::1]:0");
    IS(c->listen[1], "unix:/run/m.sock");
    CHECK_EQ(c->n_admin, 0);
    CHECK_EQ(c->n_hosts, 1);
    CHECK_EQ(c->n_cors_origins, 2);
    IS(c->cors_origins[0], "https://app.example:8443");
    CHECK_EQ(c->log_level, LOG_DEBUG);
    CHECK_EQ(c->log_format, LOG_JSON);
    CHECK(c->access_log);
    CHECK(!c->chains[0].is_default);
    CHECK(c->chains[1].is_default);
    CHECK_EQ(c->chains[1].chain_id, 9007199254740991);
    IS(e->url, "https://u:p@h/x?y=$z");
    CHECK_EQ(e->connect_timeout_ms, 10);
    CHECK_EQ(e->max_response_bytes, 4096);
    CHECK_EQ(e->accept_encoding, ENCODING_ALL);
    CHECK_EQ(e->n_headers, 2);
    IS(e->headers[0].value, "a b");
    IS(e->headers[1].value, "");
    CHECK_EQ(e->pool.max_sockets, 3);
    CHECK_EQ(e->pool.max_idle, 2);
    CHECK_EQ(e->pool.min_warm, 0);
    CHECK_EQ(e->pool.order, POOL_FIFO);
    CHECK_EQ(e->pool.max_requests_per_socket, 7);
    CHECK_EQ(e->pool.max_waiting, 0);
    CHECK_EQ(e->batch.mode, BATCH_ALWAYS);
    CHECK_EQ(e->batch.max_calls, 9);
    CHECK_EQ(e->batch.max_bytes, 300);
    CHECK_EQ(e->batch.window_us, 2500);
    CHECK(!e->tls.verify);
    IS(e->tls.server_name, "other.example");
    IS(e->proxy, "http://u:p@proxy:3128");
    CHECK_EQ(e->dns_family, DIAL_V6);
    CHECK_EQ(e->dns_ttl_ms, 0);
    IS(c->chains[1].endpoints[0].proxy, "none");
    done(c);
}

TEST(admin_may_be_an_empty_list)
{
    struct config *c = parse("{\"admin\":[],\"chains\":{\"a\":{\"family\":\"evm\",\"endpoints\":"
                             "[{\"name\":\"n\",\"url\":\"http://h\"}]}}}");

    CHECK_EQ(c->n_admin, 0);
    done(c);
}

TEST(a_default_gives_way_to_what_is_written)
{
    static const struct {
        const char *pool;
        unsigned max_sockets, max_idle, min_warm;
    } table[] = {
        {"{}", 50, 10, 1},
        {"{\"max_sockets\":4}", 4, 4, 1},
        {"{\"max_sockets\":4,\"max_idle\":0}", 4, 0, 0},
        {"{\"max_idle\":20}", 50, 20, 1},
        {"{\"min_warm\":10}", 50, 10, 10},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[512];
        struct config *c;
        const struct pool_conf *p;

        snprintf(text, sizeof text,
                 "{\"chains\":{\"a\":{\"family\":\"evm\",\"endpoints\":[{\"name\":\"n\",\"url\":\"http://h\","
                 "\"pool\":%s}]}}}",
                 table[i].pool);
        c = parse(text);
        p = &c->chains[0].endpoints[0].pool;
        CHECK_EQ(p->max_sockets, table[i].max_sockets);
        CHECK_EQ(p->max_idle, table[i].max_idle);
        CHECK_EQ(p->min_warm, table[i].min_warm);
        done(c);
    }
}

/* A preset stands where the file says nothing; a burst goes with its rate. */
TEST(classes_of_errors)
{
    struct config *c = parse("{\"chains\":{\"x\":{\"family\":\"evm\","
                             "\"classify\":[{\"code\":-32005,\"class\":\"rate_limited_endpoint\"}],"
                             "\"endpoints\":[{\"name\":\"n\",\"url\":\"http://h\",\"classify\":["
                             "{\"message\":\"Slow DOWN\",\"http_status\":503,\"class\":\"too_many_at_once\"},"
                             "{\"code\":7,\"class\":\"auth\"}]},{\"name\":\"m\",\"url\":\"http://h\"}]}}}");
    const struct classify_conf *n = &c->chains[0].endpoints[0].classes, *m = &c->chains[0].endpoints[1].classes;
    static const struct {
        int64_t code;
        unsigned status;
        const char *text, *class;
    } want[] = {
        {0, 503, "slow down", "too_many_at_once"}, {7, 0, "", "auth"}, {-32005, 0, "", "rate_limited_endpoint"}};

    CHECK_EQ(n->n, 3);
    for (size_t i = 0; i < 3; i++) {
        CHECK(n->rules[i].any_family);
        CHECK_EQ(n->rules[i].code, want[i].code);
        CHECK_EQ(n->rules[i].status, want[i].status);
        CHECK_STR(n->rules[i].text, want[i].text);
        IS(answer_meaning(n->rules[i].class)->name, want[i].class);
    }
    CHECK_EQ(m->n, 1);
    CHECK_EQ(m->rules[0].code, -32005);
    done(c);
}

TEST(presets_give_way_to_what_is_written)
{
    static const struct {
        const char *endpoint;
        struct limiter_conf l;
        unsigned max_calls;
    } table[] = {
        {"\"weight\":1", {.units_most = 60}, 50},
        {"\"preset\":\"none\"", {.units_most = 60}, 50},
        {"\"preset\":\"chainstack\"", {.requests_per_s = 25, .units_most = 60}, 50},
        {"\"preset\":\"quicknode\"", {.requests_per_s = 15, .burst = 2, .units_most = 60}, 50},
        {"\"preset\":\"quicknode\",\"rate_limit\":{\"requests_per_s\":0}", {.units_most = 60}, 50},
        {"\"preset\":\"quicknode\",\"rate_limit\":{\"burst\":3}",
         {.requests_per_s = 15, .burst = 3, .units_most = 60},
         50},
        {"\"preset\":\"alchemy\"", {.units_per_s = 500, .units_burst = 500, .units_most = 250}, 1},
        {"\"preset\":\"alchemy\",\"batch\":{\"max_calls\":20},\"rate_limit\":{\"units_per_s\":660}",
         {.units_per_s = 660, .units_most = 250},
         20},
        {"\"preset\":\"infura\",\"rate_limit\":{\"reset_hour_utc\":5}",
         {.units_per_s = 500, .units_burst = 1000, .units_per_day = 3000000, .reset_hour_utc = 5, .units_most = 1000},
         50},
        {"\"rate_limit\":{\"requests_per_s\":7,\"burst\":8,\"units_per_s\":9,\"units_burst\":100,"
         "\"requests_per_day\":11,\"units_per_day\":12,\"reset_hour_utc\":13,\"batch_counts\":\"calls_plus_one\"}",
         {7, 8, 9, 100, 11, 12, 13, BATCH_COUNTS_CALLS_PLUS_ONE, 60},
         50},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[1024];
        struct config *c;
        const struct limiter_conf *l, *x = &table[i].l;

        snprintf(text, sizeof text,
                 "{\"chains\":{\"a\":{\"family\":\"evm\",\"endpoints\":[{\"name\":\"n\",\"url\":\"http://h\","
                 "%s}]}}}",
                 table[i].endpoint);
        c = parse(text);
        l = &c->chains[0].endpoints[0].rate_limit;
        CHECK_EQ(l->requests_per_s, x->requests_per_s);
        CHECK_EQ(l->burst, x->burst);
        CHECK_EQ(l->units_per_s, x->units_per_s);
        CHECK_EQ(l->units_burst, x->units_burst);
        CHECK_EQ(l->requests_per_day, x->requests_per_day);
        CHECK_EQ(l->units_per_day, x->units_per_day);
        CHECK_EQ(l->reset_hour_utc, x->reset_hour_utc);
        CHECK_EQ(l->batch_counts, x->batch_counts);
        CHECK_EQ(l->units_most, x->units_most);
        CHECK_EQ(c->chains[0].endpoints[0].batch.max_calls, table[i].max_calls);
        done(c);
    }
}

/* The key's words are the rows of presets.def, in their order. */
TEST(presets_are_all_there)
{
    const char *words = config_key_find(CONFIG_SHAPE_ENDPOINT, "preset")->choices;
    struct buf all;

    buf_init(&all, 4096);
    CHECK_EQ(buf_str(&all, "none"), 0);
    for (size_t i = 0; preset_at(i); i++)
        CHECK_EQ(buf_printf(&all, "|%s", preset_at(i)->name), 0);
    CHECK_STR(buf_get(&all), words);
    buf_deinit(&all);
}

TEST(the_first_chain_is_the_default)
{
    struct config *c = parse("{\"chains\":{"
                             "\"zz\":{\"family\":\"evm\",\"endpoints\":[{\"name\":\"n\",\"url\":\"http://h\"}]},"
                             "\"aa\":{\"family\":\"evm\",\"endpoints\":[{\"name\":\"n\",\"url\":\"http://h\"}]}}}");

    IS(c->chains[0].name, "zz");
    CHECK(c->chains[0].is_default);
    CHECK(!c->chains[1].is_default);
    done(c);
}

TEST(methods_stand_by_precision)
{
    struct config *c = parse("{\"chains\":{\"a\":{\"family\":\"evm\",\"methods\":{\"*\":{},\"eth_*\":{},"
                             "\"eth_getB*\":{},\"eth_call\":{},\"debug_*\":{},\"a\":{}},"
                             "\"endpoints\":[{\"name\":\"n\",\"url\":\"http://h\"}]}}}");
    static const char *const want[] = {"a", "eth_call", "eth_getB*", "debug_*", "eth_*", "*"};

    CHECK_EQ(c->chains[0].n_methods, 6);
    for (size_t i = 0; i < 6; i++)
        IS(c->chains[0].methods[i].pattern, want[i]);
    done(c);
}

TEST(switches_of_a_method_are_on_off_or_absent)
{
    struct config *c = parse("{\"chains\":{\"a\":{\"family\":\"evm\",\"coalesce\":false,\"methods\":{\"eth_call\":"
                             "{\"allow\":true,\"coalesce\":false,\"cache\":true,\"retry\":false,\"hedge\":true,"
                             "\"heavy\":true,\"units\":0}},\"endpoints\":[{\"name\":\"n\",\"url\":\"http://h\"}]}}}");
    const struct method_conf *m = &c->chains[0].methods[0];

    CHECK(!c->chains[0].coalesce);
    CHECK_EQ(m->allow, SETTING_ON);
    CHECK_EQ(m->coalesce, SETTING_OFF);
    CHECK_EQ(m->cache, SETTING_ON);
    CHECK_EQ(m->retry, SETTING_OFF);
    CHECK_EQ(m->hedge, SETTING_ON);
    CHECK_EQ(m->heavy, SETTING_ON);
    CHECK_EQ(m->units, 0);
    done(c);
}

TEST(retries_and_breakers_have_what_no_key_sets)
{
    struct config *c = parse("{\"chains\":{\"a\":{\"family\":\"evm\",\"retry\":{\"budget_percent\":5},"
                             "\"endpoints\":[{\"name\":\"n\",\"url\":\"http://h\"}]},\"b\":{\"family\":\"evm\","
                             "\"retry\":{\"budget_percent\":0,\"pause_ms\":9000},"
                             "\"endpoints\":[{\"name\":\"n\",\"url\":\"http://h\"}]}}}");
    const struct chain_conf *a = &c->chains[0], *b = &c->chains[1];

    CHECK_EQ(a->retry.budget.percent, 5);
    CHECK_EQ(a->retry.budget.floor, BUDGET_RETRY_DEFAULT.floor);
    CHECK_EQ(a->retry.budget.saved, BUDGET_RETRY_DEFAULT.saved);
    CHECK_EQ(a->retry.budget.first, BUDGET_RETRY_DEFAULT.first);
    CHECK_EQ(a->retry.max_ms, RETRY_CONF_DEFAULT.max_ms);
    CHECK_EQ(a->breaker.trial_ms, BREAKER_CONF_DEFAULT.trial_ms);
    CHECK_EQ(b->retry.budget.floor, 0);
    CHECK_EQ(b->retry.budget.first, 0);
    CHECK_EQ(b->retry.max_ms, 9000);
    done(c);
}

TEST(files_start_from_the_folder_of_the_configuration)
{
    char folder[] = "/tmp/millrace-config-XXXXXX", path[64], want[64];
    struct config *c;
    FILE *f;

    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/ca.pem", folder);
    f = fopen(path, "w");
    CHECK(f != NULL);
    fclose(f);
    snprintf(path, sizeof path, "%s/endpoints.json", folder);
    snprintf(want, sizeof want, "%s/ca.pem", folder);
    c = parse_as("{\"chains\":{\"a\":{\"family\":\"evm\",\"endpoints\":[{\"name\":\"n\",\"url\":\"https://h\","
                 "\"tls\":{\"ca_file\":\"ca.pem\"}}]}}}",
                 path);
    IS(c->chains[0].endpoints[0].tls.ca_file, want);
    done(c);
    unlink(want);
    rmdir(folder);
}

TEST(environment)
{
    static const struct {
        const char *text, *out, *report;
    } table[] = {
        {"plain", "plain", ""},
        {"", "", ""},
        {"${A}", "one", ""},
        {"x${A}y${B_2}z", "xoneytwoz", ""},
        {"${EMPTY}", "", ""},
        {"$${A}", "${A}", ""},
        {"$$${A}", "$${A}", ""}, /* the first "$" is itself, the rest is the escape */
        {"$", "$", ""},
        {"a$b$", "a$b$", ""},
        {"$A", "$A", ""},
        {"${A}${A}", "oneone", ""},
        {"${LOOP}", "${A}", ""}, /* values are not expanded again */
        {"${NOT_SET}", NULL, "f: k: environment variable NOT_SET is not set\n"},
        {"${NOT_SET}${NOR_THIS}", NULL,
         "f: k: environment variable NOT_SET is not set\nf: k: environment variable NOR_THIS is not set\n"},
        {"${", NULL,
         "f: k: \"${\" must be followed by the name of an environment variable and \"}\"; "
         "\"$${\" stands for \"${\" itself\n"},
        {"${A", NULL,
         "f: k: \"${\" must be followed by the name of an environment variable and \"}\"; "
         "\"$${\" stands for \"${\" itself\n"},
        {"${}", NULL,
         "f: k: \"${\" must be followed by the name of an environment variable and \"}\"; "
         "\"$${\" stands for \"${\" itself\n"},
        {"${1A}", NULL,
         "f: k: \"${\" must be followed by the name of an environment variable and \"}\"; "
         "\"$${\" stands for \"${\" itself\n"},
        {"${A B}", NULL,
         "f: k: \"${\" must be followed by the name of an environment variable and \"}\"; "
         "\"$${\" stands for \"${\" itself\n"},
    };
    const struct config_path at = {NULL, "k", 0};

    setenv("A", "one", 1);
    setenv("B_2", "two", 1);
    setenv("EMPTY", "", 1);
    setenv("LOOP", "${A}", 1);
    unsetenv("NOT_SET");
    unsetenv("NOR_THIS");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct config_arena arena = {NULL};
        struct config_report r = {.file = "f", .report = &report};
        const char *out;

        buf_init(&report, 4096);
        out = config_env_expand(&arena, &r, &at, table[i].text);
        CHECK_EQ(out == NULL, table[i].out == NULL);
        if (out && table[i].out)
            IS(out, table[i].out);
        CHECK_STR(buf_get(&report), table[i].report);
        config_arena_deinit(&arena);
        buf_deinit(&report);
    }
}

TEST(nearest_key)
{
    static const struct {
        enum config_shape shape;
        const char *name, *nearest;
    } table[] = {
        {CONFIG_SHAPE_ENDPOINT, "wieght", "weight"},
        {CONFIG_SHAPE_ENDPOINT, "Weight", "weight"},
        {CONFIG_SHAPE_ENDPOINT, "weigth", "weight"},
        {CONFIG_SHAPE_ENDPOINT, "timeout", "timeout_ms"},
        {CONFIG_SHAPE_ENDPOINT, "urls", "url"},
        {CONFIG_SHAPE_ENDPOINT, "max_in_flight", "max_inflight"},
        {CONFIG_SHAPE_ENDPOINT, "colour", NULL},
        {CONFIG_SHAPE_ENDPOINT, "", NULL},
        {CONFIG_SHAPE_POOL, "max_socket", "max_sockets"},
        {CONFIG_SHAPE_POOL, "weight", NULL},
        {CONFIG_SHAPE_ROOT, "chain", "chains"},
        {CONFIG_SHAPE_ROOT, "host", "hosts"},
        {CONFIG_SHAPE_LIMITS, "call_timeout", "call_timeout_ms"},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct config_key *k = config_key_nearest(table[i].shape, table[i].name);

        CHECK_STR(slice_str(k ? k->name : NULL), table[i].nearest);
    }
}

#define WITH_AUTH(auth)                                                                                                \
    "{\"chains\":{\"a\":{\"family\":\"evm\",\"endpoints\":[{\"name\":\"n\",\"url\":\"http://h\",\"auth\":{" auth       \
    "}}]}}}"

TEST(kinds_of_auth)
{
    struct config *c;
    const struct auth_conf *a;

    setenv("TOKEN", "hush", 1);
    c = parse(WITH_AUTH("\"bearer\":\"${TOKEN}\""));
    a = &c->chains[0].endpoints[0].auth;
    CHECK_EQ(a->kind, AUTH_BEARER);
    IS(a->bearer, "hush");
    config_free(c);
    c = parse(WITH_AUTH("\"basic\":{\"user\":\"u\",\"password\":\"${TOKEN}\"}"));
    a = &c->chains[0].endpoints[0].auth;
    CHECK_EQ(a->kind, AUTH_BASIC);
    IS(a->basic.user, "u");
    IS(a->basic.password, "hush");
    config_free(c);
    c = parse(WITH_AUTH("\"header\":{\"name\":\"x-key\",\"value\":\"${TOKEN}\"}"));
    a = &c->chains[0].endpoints[0].auth;
    CHECK_EQ(a->kind, AUTH_HEADER);
    IS(a->header.name, "x-key");
    IS(a->header.value, "hush");
    config_free(c);
    c = parse(WITH_AUTH("\"query\":{\"name\":\"key\",\"value\":\"${TOKEN}\"}"));
    a = &c->chains[0].endpoints[0].auth;
    CHECK_EQ(a->kind, AUTH_QUERY);
    IS(a->query.value, "hush");
    config_free(c);
    c = parse(WITH_AUTH("\"bearer_command\":[\"/bin/echo\",\"${TOKEN}\"],\"command_timeout_ms\":500"));
    a = &c->chains[0].endpoints[0].auth;
    CHECK_EQ(a->kind, AUTH_BEARER_COMMAND);
    CHECK_EQ(a->n_bearer_command, 2);
    IS(a->bearer_command[1], "hush");
    CHECK_EQ(a->command_timeout_ms, 500);
    config_free(c);
}

TEST_MAIN()
