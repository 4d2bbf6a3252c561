/* What config_parse says of wrong files: each line exact, every mistake told, no secret in any. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/config.h"

/* Parts of a file that is right but for the place under test. */
#define CHAIN(inner)    "{\"chains\":{\"a\":{" inner "}}}"
#define EP_LIST         "\"endpoints\":[{\"name\":\"n\",\"url\":\"http://h\"}]"
#define IN_CHAIN(extra) CHAIN("\"family\":\"evm\"," extra "," EP_LIST)
#define IN_EP(extra)    CHAIN("\"family\":\"evm\",\"endpoints\":[{\"name\":\"n\",\"url\":\"http://h\"," extra "}]")
#define IN_ROOT(extra)  "{" extra ",\"chains\":{\"a\":{\"family\":\"evm\"," EP_LIST "}}}"
#define IN_URL(url)     CHAIN("\"family\":\"evm\",\"endpoints\":[{\"name\":\"n\",\"url\":" url "}]")
#define SAYS(line)      "endpoints.json: " line "\n"
#define EP              "chains.a.endpoints[0]"

#define ONE_KIND                                                                                                       \
    "must have exactly one of bearer, basic, header, query, bearer_file, bearer_command and jwt_secret_file"

static const struct {
    const char *text, *report;
} table[] = {
    /* Not JSON. */
    {"", SAYS("line 1, column 0: not JSON: unexpected token near end of file")},
    {"[]", SAYS("must be a JSON object")},
    {"7", SAYS("must be a JSON object")},
    {"{\n  \"a\": tru\n}", SAYS("line 2, column 10: not JSON: invalid token")},
    {"{\"url\": \"https://h/secret\" \"x\"}", SAYS("line 1, column 30: not JSON: '}' expected")},
    {"{\"listen\": 1,\n \"listen\": 2}", SAYS("line 2, column 9: duplicate key \"listen\"")},
    {"{\"chains\":{\"a\":{},\"a\":{}}}", SAYS("line 1, column 21: duplicate key \"a\"")},
    {"{\"a\":\"\\u0000\"}", SAYS("line 1, column 13: \\u0000 is not allowed")},
    {"{\"a\": 99999999999999999999}", SAYS("line 1, column 26: the number is too large")},

    /* Keys. */
    {"{}", SAYS("missing key \"chains\"")},
    {CHAIN(""), SAYS("chains.a: missing key \"family\"") SAYS("chains.a: missing key \"endpoints\"")},
    {CHAIN("\"family\":\"evm\",\"endpoints\":[{}]"),
     SAYS(EP ": missing key \"name\"") SAYS(EP ": missing key \"url\"")},
    {IN_EP("\"wieght\":3"), SAYS(EP ": unknown key \"wieght\", did you mean \"weight\"?")},
    {IN_EP("\"adaptive_inflight\":true,\"max_inflight\":3,\"min_inflight\":4"),
     SAYS(EP ".min_inflight: must be at most max_inflight (3), got 4")},
    {IN_EP("\"colour\":3"), SAYS(EP ": unknown key \"colour\"")},
    {IN_EP("\"a\\\"b\\n\":3"), SAYS(EP ": unknown key \"a\\\"b\\u000a\"")},
    {IN_ROOT("\"chain\":{}"), SAYS("unknown key \"chain\", did you mean \"chains\"?")},
    {IN_EP("\"pool\":{\"max_socket\":3}"), SAYS(EP ".pool: unknown key \"max_socket\", did you mean \"max_sockets\"?")},

    /* Numbers. */
    {IN_EP("\"weight\":-5"), SAYS(EP ".weight: must be 1..1000, got -5")},
    {IN_EP("\"weight\":1001"), SAYS(EP ".weight: must be 1..1000, got 1001")},
    {IN_EP("\"weight\":1.5"), SAYS(EP ".weight: must be a whole number, got 1.5")},
    {IN_EP("\"weight\":\"3\""), SAYS(EP ".weight: must be a number, got a string")},
    {IN_EP("\"weight\":null"), SAYS(EP ".weight: must be a number, got null")},
    {IN_EP("\"weight\":[]"), SAYS(EP ".weight: must be a number, got an array")},
    {IN_ROOT("\"limits\":{\"max_json_depth\":7}"), SAYS("limits.max_json_depth: must be 8..512, got 7")},
    {IN_ROOT("\"limits\":{\"max_json_depth\":513}"), SAYS("limits.max_json_depth: must be 8..512, got 513")},
    {IN_ROOT("\"limits\":{\"max_clients\":9223372036854775807}"),
     SAYS("limits.max_clients: must be 1..1000000, got 9223372036854775807")},
    {IN_CHAIN("\"genesis_hash\":\"0OIl\""), SAYS("chains.a.genesis_hash: must be 32 bytes in base58, got \"0OIl\"")},
    {IN_CHAIN("\"genesis_hash\":\"5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d\""),
     SAYS("chains.a.genesis_hash: is for Solana; chain_id names an EVM chain")},
    {CHAIN("\"family\":\"solana\",\"chain_id\":1," EP_LIST),
     SAYS("chains.a.chain_id: is for EVM chains; genesis_hash names a Solana one")},
    {IN_CHAIN("\"chain_id\":0"), SAYS("chains.a.chain_id: must be 1..9007199254740991, got 0")},
    {IN_CHAIN("\"hedge\":{\"quantile\":1}"), SAYS("chains.a.hedge.quantile: must be 0.5..0.999, got 1")},
    {IN_CHAIN("\"hedge\":{\"quantile\":\"p95\"}"), SAYS("chains.a.hedge.quantile: must be a number, got a string")},

    /* Types. */
    {IN_ROOT("\"log\":{\"access\":1}"), SAYS("log.access: must be true or false, got a number")},
    {IN_ROOT("\"log\":true"), SAYS("log: must be an object, got a boolean")},
    {IN_ROOT("\"listen\":8545"), SAYS("listen: must be a string or an array of strings, got a number")},
    {IN_ROOT("\"listen\":[8545]"), SAYS("listen[0]: must be a string, got a number")},
    {"{\"chains\":[]}", SAYS("chains: must be an object, got an array")},
    {"{\"chains\":{}}", SAYS("chains: must not be empty")},
    {"{\"chains\":{\"a\":3}}", SAYS("chains.a: must be an object, got a number")},
    {CHAIN("\"family\":\"evm\",\"endpoints\":[]"), SAYS("chains.a.endpoints: must not be empty")},
    {CHAIN("\"family\":\"evm\",\"endpoints\":{}"), SAYS("chains.a.endpoints: must be an array, got an object")},
    {CHAIN("\"family\":\"evm\",\"endpoints\":[\"http://h\"]"), SAYS(EP ": must be an object, got a string")},
    {IN_URL("7"), SAYS(EP ".url: must be a string, got a number")},

    /* Words. */
    {CHAIN("\"family\":\"btc\"," EP_LIST), SAYS("chains.a.family: must be one of \"evm\", \"solana\", got \"btc\"")},
    {CHAIN("\"family\":\"Evm\"," EP_LIST), SAYS("chains.a.family: must be one of \"evm\", \"solana\", got \"Evm\"")},
    {CHAIN("\"family\":\"${SECRET_VALUE}\"," EP_LIST),
     SAYS("chains.a.family: must be one of \"evm\", \"solana\", got \"${SECRET_VALUE}\"")},
    {IN_EP("\"dns\":{\"family\":4}"), SAYS(EP ".dns.family: must be one of \"any\", \"4\", \"6\", got a number")},
    {IN_ROOT("\"log\":{\"level\":\"trace\"}"),
     SAYS("log.level: must be one of \"error\", \"warn\", \"info\", \"debug\", got \"trace\"")},

    /* Names and addresses. */
    {"{\"chains\":{\"Main net\":{\"family\":\"evm\"," EP_LIST "}}}",
     SAYS("chains[\"Main net\"]: the name must be 1..32 of a-z, 0-9, '_' and '-'")},
    {"{\"chains\":{\"\":{\"family\":\"evm\"," EP_LIST "}}}",
     SAYS("chains[\"\"]: the name must be 1..32 of a-z, 0-9, '_' and '-'")},
    {"{\"chains\":{\"status\":{\"family\":\"evm\"," EP_LIST "}}}",
     SAYS("chains.status: the name must not be healthz, readyz, metrics or status: the gateway's own paths")},
    {CHAIN("\"family\":\"evm\",\"endpoints\":[{\"name\":\"a b\",\"url\":\"http://h\"}]"),
     SAYS(EP ".name: must be of A-Z, a-z, 0-9, '.', '_' and '-', got \"a b\"")},
    {CHAIN("\"family\":\"evm\",\"endpoints\":[{\"name\":\"\",\"url\":\"http://h\"}]"),
     SAYS(EP ".name: must not be empty")},
    {CHAIN("\"family\":\"evm\",\"endpoints\":[{\"name\":"
           "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"url\":\"http://h\"}]"),
     SAYS(EP ".name: must be 1..64 bytes long, got 65")},
    {CHAIN("\"family\":\"evm\",\"endpoints\":[{\"name\":\"n\",\"url\":\"http://h\"},"
           "{\"name\":\"m\",\"url\":\"http://h\"},{\"name\":\"n\",\"url\":\"http://h\"}]"),
     SAYS("chains.a.endpoints[2].name: endpoints[0] has this name already")},
    {IN_CHAIN("\"methods\":{\"eth_*x\":{}}"),
     SAYS("chains.a.methods.eth_*x: the name must be a method, or a method's beginning and '*'")},
    {IN_CHAIN("\"methods\":{\"eth_sendTransaction\":{\"coalesce\":true}}"),
     SAYS("chains.a.methods.eth_sendTransaction.coalesce: must be false: each call of this method makes or changes "
          "something")},
    {IN_CHAIN("\"methods\":{\"eth_getFilterChanges\":{\"retry\":true}}"),
     SAYS("chains.a.methods.eth_getFilterChanges.retry: must be false: each call of this method makes or changes "
          "something")},
    {IN_CHAIN("\"methods\":{\"anvil_mine\":{\"hedge\":true}}"),
     SAYS("chains.a.methods.anvil_mine.hedge: must be false: each call of this method makes or changes something")},
    {IN_CHAIN("\"methods\":{\"eth_syncing\":{\"cache\":true}}"),
     SAYS("chains.a.methods.eth_syncing.cache: must be false: no rule says when an answer of this method stays right")},
    {IN_CHAIN("\"methods\":{\"eth_call\":{\"allow\":1}}"),
     SAYS("chains.a.methods.eth_call.allow: must be true or false, got a number")},
    {IN_CHAIN("\"broadcast\":{\"endpoints\":[\"n\",\"other\"]}"),
     SAYS("chains.a.broadcast.endpoints[1]: no endpoint of this chain has the name \"other\"")},
    {IN_CHAIN("\"broadcast\":{\"endpoints\":\"some\"}"),
     SAYS("chains.a.broadcast.endpoints: no endpoint of this chain has the name \"some\"")},
    {IN_CHAIN("\"broadcast\":{\"endpoints\":[\"N\"]}"),
     SAYS("chains.a.broadcast.endpoints[0]: no endpoint of this chain has the name \"N\", did you mean \"n\"?")},
    {IN_CHAIN("\"broadcast\":{\"endpoints\":[]}"), SAYS("chains.a.broadcast.endpoints: must not be empty")},
    {IN_ROOT("\"listen\":\"8545\""),
     SAYS("listen: must be IPv4:PORT, [IPv6]:PORT, localhost:PORT or unix:/path, got \"8545\"")},
    {IN_ROOT("\"listen\":\"\""), SAYS("listen: must not be empty")},
    {IN_ROOT("\"listen\":[]"), SAYS("listen: must not be empty")},
    {IN_ROOT("\"admin\":[\"\"]"), SAYS("admin[0]: must not be empty")},
    {IN_ROOT("\"admin\":\"127.0.0.1:99999\""),
     SAYS("admin: must be IPv4:PORT, [IPv6]:PORT, localhost:PORT or unix:/path, got \"127.0.0.1:99999\"")},
    {IN_ROOT("\"listen\":[\"127.0.0.1:1\",\"127.0.0.1:1\"]"), SAYS("listen[1]: this address is given already")},
    {IN_ROOT("\"admin\":\"127.0.0.1:8545\""), SAYS("admin: this address is given already")},
    {IN_ROOT("\"hosts\":[\"localhost:8545\"]"),
     SAYS("hosts[0]: must be a host name or address without a port, or \"*\", got \"localhost:8545\"")},
    {IN_ROOT("\"cors_origins\":\"app.example\""),
     SAYS("cors_origins: must be an origin such as https://app.example, or \"*\", got \"app.example\"")},
    {IN_ROOT("\"cors_origins\":\"https://app.example/x\""),
     SAYS("cors_origins: must be an origin such as https://app.example, or \"*\", got \"https://app.example/x\"")},

    /* URLs: never shown. */
    {IN_URL("\"ws://h/hush\""), SAYS(EP ".url: must begin with http:// or https://")},
    {IN_URL("\"\""), SAYS(EP ".url: must not be empty")},
    {IN_URL("\"http://\""), SAYS(EP ".url: must have a valid host")},
    {IN_URL("\"http://h:0x/hush\""), SAYS(EP ".url: must have a port of 1..65535, or none")},
    {IN_URL("\"http://h:65536/hush\""), SAYS(EP ".url: must have a port of 1..65535, or none")},
    {IN_URL("\"http://h/hush#x\""),
     SAYS(EP ".url: must not have spaces, control or non-ASCII bytes, nor a fragment (#)")},
    {IN_URL("\"http://h/hush x\""),
     SAYS(EP ".url: must not have spaces, control or non-ASCII bytes, nor a fragment (#)")},
    {IN_URL("\"http://h/${NOT_SET}\""), SAYS(EP ".url: environment variable NOT_SET is not set")},
    {IN_URL("\"${SECRET_VALUE}\""), SAYS(EP ".url: must begin with http:// or https://")},
    {IN_EP("\"proxy\":\"socks5://u:hush@h\""), SAYS(EP ".proxy: must be an http:// URL, \"\" or \"none\"")},
    {IN_EP("\"proxy\":\"https://u:hush@h\""), SAYS(EP ".proxy: must be an http:// URL, \"\" or \"none\"")},

    /* Header fields: names are shown, values never. */
    {IN_EP("\"headers\":[]"), SAYS(EP ".headers: must be an object, got an array")},
    {IN_EP("\"headers\":{\"x-a\":1}"), SAYS(EP ".headers.x-a: must be a string, got a number")},
    {IN_EP("\"headers\":{\"x a\":\"hush\"}"), SAYS(EP ".headers[\"x a\"]: the name must be an HTTP field name")},
    {IN_EP("\"headers\":{\"\":\"hush\"}"), SAYS(EP ".headers[\"\"]: the name must be an HTTP field name")},
    {IN_EP("\"headers\":{\"Host\":\"hush\"}"), SAYS(EP ".headers.Host: the gateway sets this field itself")},
    {IN_EP("\"headers\":{\"content-length\":\"1\"}"),
     SAYS(EP ".headers.content-length: the gateway sets this field itself")},
    {IN_EP("\"headers\":{\"Transfer-Encoding\":\"chunked\"}"),
     SAYS(EP ".headers.Transfer-Encoding: the gateway sets this field itself")},
    {IN_EP("\"headers\":{\"x-a\":\"hush\\r\\nx-b: 1\"}"), SAYS(EP ".headers.x-a: must not have control bytes")},
    {IN_EP("\"headers\":{\"x-a\":\"hush \"}"), SAYS(EP ".headers.x-a: must not begin or end with a space")},
    {IN_EP("\"headers\":{\"x-a\":\"1\",\"X-A\":\"2\"}"),
     SAYS(EP ".headers.X-A: this field is given already, field names ignore case")},
    {IN_EP("\"headers\":{\"x-a\":\"${NOT_SET}\"}"), SAYS(EP ".headers.x-a: environment variable NOT_SET is not set")},
    {CHAIN("\"family\":\"evm\",\"endpoints\":[{\"name\":\"n\",\"url\":\"http://u:p@h\","
           "\"headers\":{\"Authorization\":\"hush\"}}]"),
     SAYS(EP ".headers.Authorization: the user and password in the url give this field already")},

    /* Files. */
    {IN_EP("\"tls\":{\"ca_file\":\"no-such.pem\"}"),
     SAYS(EP ".tls.ca_file: the file cannot be read: No such file or directory")},
    {IN_EP("\"tls\":{\"ca_file\":\"/\"}"), SAYS(EP ".tls.ca_file: the file is not a regular file")},
    {IN_EP("\"tls\":{\"client_cert\":\"/etc/passwd\"}"), SAYS(EP ".tls.client_cert: needs client_key beside it")},
    {IN_EP("\"tls\":{\"client_key\":\"/etc/passwd\"}"), SAYS(EP ".tls.client_key: needs client_cert beside it")},
    {IN_EP("\"tls\":{\"server_name\":\"a b\"}"), SAYS(EP ".tls.server_name: must be a host name, got \"a b\"")},

    /* Keys against each other. */
    {IN_EP("\"pool\":{\"max_sockets\":5,\"max_idle\":6}"),
     SAYS(EP ".pool.max_idle: must not exceed max_sockets (5), got 6")},
    {IN_EP("\"pool\":{\"min_warm\":11}"), SAYS(EP ".pool.min_warm: must not exceed max_idle (10), got 11")},
    {IN_EP("\"pool\":{\"max_sockets\":5,\"min_warm\":6}"),
     SAYS(EP ".pool.min_warm: must not exceed max_sockets (5), got 6")},
    {IN_EP("\"pool\":{\"max_idle\":-1,\"min_warm\":20}"), SAYS(EP ".pool.max_idle: must be 0..10000, got -1")},
    {IN_EP("\"preset\":\"alchimy\""),
     SAYS(EP ".preset: must be one of \"none\", \"alchemy\", \"infura\", \"quicknode\", \"helius\", \"chainstack\", "
             "\"drpc\", \"public-solana\", got \"alchimy\"")},
    {IN_EP("\"rate_limit\":{\"reset_hour_utc\":24}"), SAYS(EP ".rate_limit.reset_hour_utc: must be 0..23, got 24")},
    {IN_EP("\"rate_limit\":{\"units_per_s\":500,\"units_burst\":59}"),
     SAYS(EP ".rate_limit.units_burst: must be at least 60, what eth_getLogs costs")},
    {IN_EP("\"preset\":\"alchemy\",\"rate_limit\":{\"units_burst\":100}"),
     SAYS(EP ".rate_limit.units_burst: must be at least 250, what eth_sendRawTransaction costs")},
    {IN_CHAIN("\"classify\":[{\"code\":1,\"class\":\"rate_limited\"}]"),
     SAYS("chains.a.classify[0].class: no class of errors has the name \"rate_limited\", did you mean "
          "\"rate_limited_method\"?")},
    {IN_CHAIN("\"classify\":[{\"code\":1,\"class\":\"auth\"},{\"code\":1,\"class\":\"quota_exausted\"}]"),
     SAYS("chains.a.classify[1].class: no class of errors has the name \"quota_exausted\", did you mean "
          "\"quota_exhausted\"?")},
    {IN_EP("\"classify\":[{\"message\":\"x\",\"class\":\"ok\"}]"),
     SAYS(EP ".classify[0].class: no class of errors has the name \"ok\"; docs/answers.md lists them")},
    {IN_EP("\"classify\":[{\"class\":\"auth\"}]"),
     SAYS(EP ".classify[0]: must have code, message or http_status, or it would fit every error")},
    {IN_EP("\"classify\":[{\"code\":0,\"class\":\"auth\"}]"),
     SAYS(EP ".classify[0].code: must not be 0, which fits any")},
    {IN_EP("\"classify\":[{\"code\":1.5,\"class\":\"auth\"}]"),
     SAYS(EP ".classify[0].code: must be a whole number, got 1.5")},
    {IN_EP("\"classify\":[{\"code\":5}]"), SAYS(EP ".classify[0]: missing key \"class\"")},
    {IN_EP("\"classify\":[{\"http_status\":99,\"class\":\"auth\"}]"),
     SAYS(EP ".classify[0].http_status: must be 100..599, got 99")},
    {IN_EP("\"forward_authorization\":true,\"auth\":{\"bearer\":\"hush\"}"),
     SAYS(EP ".forward_authorization: cannot stand beside auth: the endpoint would get two credentials")},
    {IN_EP("\"forward_authorization\":true,\"headers\":{\"AUTHORIZATION\":\"hush\"}"),
     SAYS(EP ".forward_authorization: cannot stand beside the field AUTHORIZATION in headers")},
    {"{\"chains\":{\"a\":{\"family\":\"evm\",\"default\":true," EP_LIST "},"
     "\"b\":{\"family\":\"evm\",\"default\":true," EP_LIST "}}}",
     SAYS("chains.b.default: there can be only one default chain, and a is it already")},
    {"{\"limits\":{\"max_bodies_bytes\":65536},\"chains\":{\"a\":{\"family\":\"evm\"," EP_LIST "}}}",
     SAYS("limits.max_bodies_bytes: must be at least max_body_bytes (10485760), got 65536")},
    {"{\"limits\":{\"max_upstream_sockets\":1},\"chains\":{\"a\":{\"family\":\"evm\"," EP_LIST "},"
     "\"b\":{\"family\":\"evm\"," EP_LIST "}}}",
     SAYS("limits.max_upstream_sockets: must be at least the sum of all pool.min_warm (2), got 1")},

    /* Credentials. */
    {IN_EP("\"auth\":{}"), SAYS(EP ".auth: " ONE_KIND)},
    {IN_EP("\"auth\":{\"command_timeout_ms\":500}"), SAYS(EP ".auth: " ONE_KIND)},
    {IN_EP("\"auth\":{\"bearer\":\"hush\",\"query\":{\"name\":\"a\",\"value\":\"hush\"}}"),
     SAYS(EP ".auth: " ONE_KIND)},
    {IN_EP("\"auth\":\"hush\""), SAYS(EP ".auth: must be an object, got a string")},
    {IN_EP("\"auth\":{\"barer\":\"hush\"}"),
     SAYS(EP ".auth: unknown key \"barer\", did you mean \"bearer\"?") SAYS(EP ".auth: " ONE_KIND)},
    {IN_EP("\"auth\":{\"bearer\":\"${NOT_SET}\"}"), SAYS(EP ".auth.bearer: environment variable NOT_SET is not set")},
    {IN_EP("\"auth\":{\"bearer\":\"hush hush\"}"), SAYS(EP ".auth.bearer: must be of visible ASCII characters")},
    {IN_EP("\"auth\":{\"bearer\":\"hush\\nX: y\"}"), SAYS(EP ".auth.bearer: must not have control bytes")},
    {IN_EP("\"auth\":{\"bearer\":\"\"}"), SAYS(EP ".auth.bearer: must not be empty")},
    {IN_EP("\"auth\":{\"bearer\":[\"hush\"]}"), SAYS(EP ".auth.bearer: must be a string, got an array")},
    {IN_EP("\"auth\":{\"basic\":{\"password\":\"hush\"}}"), SAYS(EP ".auth.basic: missing key \"user\"")},
    {IN_EP("\"auth\":{\"basic\":{\"user\":\"hush:x\"}}"), SAYS(EP ".auth.basic.user: must not have a ':'")},
    {IN_EP("\"auth\":{\"header\":{\"name\":\"Host\",\"value\":\"hush\"}}"),
     SAYS(EP ".auth.header.name: the gateway sets this field itself")},
    {IN_EP("\"auth\":{\"header\":{\"value\":\"hush\"}}"), SAYS(EP ".auth.header: missing key \"name\"")},
    {IN_EP("\"auth\":{\"header\":{\"name\":\"x\",\"value\":\"hush\\r\\n\"}}"),
     SAYS(EP ".auth.header.value: must not have control bytes")},
    {IN_EP("\"auth\":{\"query\":{\"name\":\"a=b\",\"value\":\"hush\"}}"),
     SAYS(EP ".auth.query.name: the name must be of A-Z, a-z, 0-9, '-', '.', '_' and '~'")},
    {IN_EP("\"headers\":{\"authorization\":\"hush\"},\"auth\":{\"bearer\":\"hush\"}"),
     SAYS(EP ".auth: headers give the field authorization already")},
    {IN_EP("\"headers\":{\"X-KEY\":\"hush\"},\"auth\":{\"header\":{\"name\":\"x-key\",\"value\":\"hush\"}}"),
     SAYS(EP ".auth: headers give the field X-KEY already")},
    {CHAIN("\"family\":\"evm\",\"endpoints\":[{\"name\":\"n\",\"url\":\"http://"
           "u:hush@h\",\"auth\":{\"bearer\":\"hush\"}}]"),
     SAYS(EP ".auth: the user and password in the url give the field Authorization already")},
    {IN_EP("\"auth\":{\"bearer_file\":\"/nonexistent/token\"}"),
     SAYS(EP ".auth.bearer_file: the file cannot be read: No such file or directory")},
    {IN_EP("\"auth\":{\"bearer_file\":\"/tmp\"}"), SAYS(EP ".auth.bearer_file: the file is not a regular file")},
    {IN_EP("\"auth\":{\"bearer_file\":\"/etc/passwd\"}"),
     SAYS(EP ".auth.bearer_file: the token holds a space, a line break, or a byte that is not visible ASCII")},
    {IN_EP("\"auth\":{\"jwt_secret_file\":\"/etc/passwd\"}"),
     SAYS(EP ".auth.jwt_secret_file: the file must hold 64 hexadecimal digits")},
    {IN_EP("\"auth\":{\"bearer_command\":[\"/nonexistent/hush-not\"]}"),
     SAYS(EP ".auth.bearer_command: the program cannot be run: No such file or directory")},
    {IN_EP("\"auth\":{\"bearer_command\":[]}"), SAYS(EP ".auth.bearer_command: must not be empty")},
    {IN_EP("\"auth\":{\"bearer_command\":[\"sh\",7]}"),
     SAYS(EP ".auth.bearer_command[1]: must be a string, got a number")},

    /* Every mistake, in the order of the file. */
    {"{\"lisen\":1,\"limits\":{\"max_clients\":0},\"chains\":{\"a\":{\"endpoints\":["
     "{\"name\":\"n\",\"url\":\"hush\"},{\"name\":\"n\",\"url\":\"http://h\",\"tier\":-1}],\"family\":1}}}",
     SAYS("unknown key \"lisen\", did you mean \"listen\"?") SAYS("limits.max_clients: must be 1..1000000, got 0")
         SAYS(EP ".url: must begin with http:// or https://") SAYS("chains.a.endpoints[1].tier: must be 0..100, got -1")
             SAYS("chains.a.family: must be one of \"evm\", \"solana\", got a number")
                 SAYS("chains.a.endpoints[1].name: endpoints[0] has this name already")},
};

TEST(each_line_exact)
{
    setenv("SECRET_VALUE", "hush", 1);
    unsetenv("NOT_SET");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct config *c = (struct config *)&c;
        struct buf report;

        buf_init(&report, 1 << 20);
        CHECK_EQ(config_parse(&c, slice_str(table[i].text), "endpoints.json", &report), -EINVAL);
        CHECK(c == (struct config *)&c);
        CHECK_STR(buf_get(&report), table[i].report);
        CHECK(report.n && !memmem(report.p, report.n, "hush", 4));
        buf_deinit(&report);
    }
}

/* A file cut anywhere is refused, with at least a line, and never crashes. */
TEST(cut_at_every_offset)
{
    static const char text[] = IN_EP("\"headers\":{\"x-a\":\"hush\"},\"pool\":{\"min_warm\":1},\"proxy\":\"none\"");

    for (size_t n = 0; n < sizeof text - 1; n++) {
        struct config *c = NULL;
        struct buf report;

        buf_init(&report, 1 << 20);
        CHECK_EQ(config_parse(&c, slice_of(text, n), "f", &report), -EINVAL);
        CHECK(c == NULL);
        CHECK(report.n && !memmem(report.p, report.n, "hush", 4));
        buf_deinit(&report);
    }
}

TEST(a_file_that_is_not_there)
{
    struct config *c = NULL;
    struct buf report;

    buf_init(&report, 4096);
    CHECK_EQ(config_load(&c, "/no/such/endpoints.json", &report), -EINVAL);
    CHECK_STR(buf_get(&report), "/no/such/endpoints.json: cannot be read: No such file or directory\n");
    buf_clear(&report);
    CHECK_EQ(config_load(&c, "/", &report), -EINVAL);
    CHECK_STR(buf_get(&report), "/: cannot be read: Is a directory\n");
    CHECK(c == NULL);
    buf_deinit(&report);
}

TEST_MAIN()
