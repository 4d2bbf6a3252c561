/* Who may talk to us, and through which proxy we talk to others. */
#include "test.h"

#include <stdlib.h>

#include "gateway/access.h"
#include "gateway/proxy_env.h"

TEST(hosts)
{
    const char *const names[] = {"localhost", "127.0.0.1", "[::1]"}, *const any[] = {"x", "*"};
    struct config c = {.hosts = names, .n_hosts = 3}, open = {.hosts = any, .n_hosts = 2}, none = {0};
    struct access listed, all, nobody;
    static const struct {
        const char *host;
        int good;
    } rows[] = {{"localhost", 1},        {"LocalHost:8545", 1},
                {"127.0.0.1:1", 1},      {"[::1]", 1},
                {"[::1]:8545", 1},       {"evil.example", 0},
                {"localhost.evil", 0},   {"127.0.0.2", 0},
                {"[::2]:8545", 0},       {"::1", 0},
                {"localhost:8545:1", 1}, {"", 1}};

    access_init(&listed, &c);
    access_init(&all, &open);
    access_init(&nobody, &none);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_EQ(access_host(&listed, slice_str(rows[i].host)), rows[i].good);
        CHECK(access_host(&all, slice_str(rows[i].host)));
    }
    CHECK(!access_host(&nobody, SLICE("localhost")));
    access_deinit(&listed);
    access_deinit(&all);
    access_deinit(&nobody);
}

TEST(origins)
{
    const char *const names[] = {"https://app.example"};
    struct config c = {.cors_origins = names, .n_cors_origins = 1}, none = {0};
    struct access listed, nobody;

    access_init(&listed, &c);
    access_init(&nobody, &none);
    CHECK(access_origin(&listed, SLICE("https://app.example")));
    CHECK(!access_origin(&listed, SLICE("http://app.example")));
    CHECK(!access_origin(&listed, SLICE("https://app.example.evil")));
    CHECK(!access_origin(&nobody, SLICE("null")));
    access_deinit(&listed);
    access_deinit(&nobody);
}

TEST(content_types)
{
    static const struct {
        const char *value;
        int good;
    } rows[] = {{"application/json", 1},
                {"Application/JSON; charset=utf-8", 1},
                {"application/json-rpc", 1},
                {"application/jsonrequest ;x=y", 1},
                {"text/plain", 0},
                {"application/jsonx", 0},
                {"application/x-www-form-urlencoded", 0},
                {"", 0}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK_EQ(access_content_type(slice_str(rows[i].value)), rows[i].good);
}

static void clear_env(void)
{
    static const char *const names[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
                                        "all_proxy",  "ALL_PROXY",  "no_proxy",    "NO_PROXY"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
}

TEST(proxies_of_the_environment)
{
    static const struct {
        const char *configured, *http, *https, *no, *url;
        enum proxy_choice choice;
        const char *host;
    } rows[] = {
        {"", NULL, NULL, NULL, "https://rpc.example/", PROXY_DIRECT, NULL},
        {"", "http://p1:3128", "http://p2:3128", NULL, "https://rpc.example/", PROXY_USED, "p2"},
        {"", "http://p1:3128", "http://p2:3128", NULL, "http://rpc.example/", PROXY_USED, "p1"},
        {"", "p1:3128", NULL, NULL, "http://rpc.example/", PROXY_USED, "p1"},
        {"", "http://p1", NULL, NULL, "https://rpc.example/", PROXY_DIRECT, NULL},
        {"", NULL, "http://p2", "rpc.example", "https://rpc.example/", PROXY_DIRECT, NULL},
        {"", NULL, "http://p2", ".example, other", "https://rpc.example/", PROXY_DIRECT, NULL},
        {"", NULL, "http://p2", "pc.example", "https://rpc.example/", PROXY_USED, "p2"},
        {"", NULL, "http://p2", "rpc.example:8443", "https://rpc.example/", PROXY_USED, "p2"},
        {"", NULL, "http://p2", "rpc.example:443", "https://rpc.example/", PROXY_DIRECT, NULL},
        {"", NULL, "http://p2", "*", "https://rpc.example/", PROXY_DIRECT, NULL},
        {"none", NULL, "http://p2", NULL, "https://rpc.example/", PROXY_DIRECT, NULL},
        {"http://own:1", NULL, "http://p2", "*", "https://rpc.example/", PROXY_USED, "own"},
        {"https://own:1", NULL, NULL, NULL, "https://rpc.example/", PROXY_BAD, NULL},
        {"socks5://own:1", NULL, NULL, NULL, "https://rpc.example/", PROXY_BAD, NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct url url, proxy = {0};

        clear_env();
        if (rows[i].http)
            setenv("http_proxy", rows[i].http, 1);
        if (rows[i].https)
            setenv("HTTPS_PROXY", rows[i].https, 1);
        if (rows[i].no)
            setenv("NO_PROXY", rows[i].no, 1);
        CHECK_EQ(url_parse(&url, slice_str(rows[i].url)), 0);
        CHECK_EQ(proxy_resolve(&proxy, rows[i].configured, &url), rows[i].choice);
        if (rows[i].host)
            CHECK_STR(slice_str(proxy.host), rows[i].host);
        url_deinit(&proxy);
        url_deinit(&url);
    }
    clear_env();
}

TEST(connect_targets_and_credentials)
{
    struct url u;
    char *s;

    CHECK_EQ(url_parse(&u, SLICE("https://[::1]/x")), 0);
    s = proxy_connect_target(&u);
    CHECK_STR(slice_str(s), "[::1]:443");
    free(s);
    CHECK(proxy_authorization(&u) == NULL);
    url_deinit(&u);
    CHECK_EQ(url_parse(&u, SLICE("http://user:pa%20ss@proxy:8080")), 0);
    s = proxy_authorization(&u);
    CHECK_STR(slice_str(s), "Basic dXNlcjpwYSBzcw==");
    free(s);
    url_deinit(&u);
}

TEST_MAIN()
