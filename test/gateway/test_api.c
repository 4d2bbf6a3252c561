/* The library's contract, through its public headers alone: load, listen, numbers, free. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>

#include "millrace/config.h"
#include "millrace/gateway.h"
#include "millrace/stats.h"

static const char good[] = "{\"listen\":[\"127.0.0.1:0\",\"127.0.0.1:0\"],\"admin\":\"127.0.0.1:0\",\"chains\":{"
                           "\"ethereum\":{\"family\":\"evm\","
                           "\"endpoints\":[{\"name\":\"a\",\"url\":\"http://127.0.0.1:1/secret-key\"}]}}}";

TEST(mistakes_are_reported)
{
    static const char bad[] = "{\"chains\":{\"ethereum\":{\"family\":\"evm\",\"endpoints\":[{\"name\":\"a\"}]}}}";
    struct config *c = NULL;
    char *report = NULL;

    CHECK_EQ(millrace_config_parse(&c, bad, sizeof bad - 1, "some.json", &report), -EINVAL);
    CHECK(c == NULL);
    CHECK(report && strstr(report, "endpoints[0]"));
    free(report);
    CHECK_EQ(millrace_config_load(&c, "no-such-file.json", &report), -EINVAL);
    CHECK(report && strstr(report, "no-such-file.json"));
    free(report);
    CHECK_EQ(millrace_config_load(&c, "no-such-file.json", NULL), -EINVAL);
}

TEST(a_gateway_listens_counts_and_goes)
{
    struct config *c = NULL;
    struct gateway *g = NULL;
    char *report = NULL, *text;

    CHECK_EQ(millrace_config_parse(&c, good, sizeof good - 1, "some.json", &report), 0);
    CHECK(report == NULL);
    CHECK_EQ(millrace_gateway_new(&g, c), 0);
    CHECK(strncmp(millrace_gateway_address(g, 0), "127.0.0.1:", 10) == 0);
    CHECK(strcmp(millrace_gateway_address(g, 0), millrace_gateway_address(g, 1)) != 0);
    CHECK(millrace_gateway_address(g, 2) == NULL);
    CHECK(millrace_gateway_admin_address(g, 0) != NULL);
    text = millrace_stats_json(g);
    CHECK(text && strstr(text, "\"name\":\"a\"") && !strstr(text, "secret-key"));
    free(text);
    text = millrace_stats_metrics(g);
    CHECK(text && strstr(text, "millrace_clients 0\n") && !strstr(text, "secret-key"));
    free(text);
    millrace_gateway_free(g);
    millrace_gateway_free(NULL);
    millrace_config_free(c);
}

TEST(an_address_in_use_is_an_error)
{
    struct config *c = NULL;
    struct gateway *g = NULL, *second = NULL;
    char text[512];

    CHECK_EQ(millrace_config_parse(&c, good, sizeof good - 1, "some.json", NULL), 0);
    CHECK_EQ(millrace_gateway_new(&g, c), 0);
    snprintf(text, sizeof text,
             "{\"listen\":\"%s\",\"admin\":\"\",\"chains\":{\"e\":{\"family\":\"evm\",\"endpoints\":[{\"name\":\"a\","
             "\"url\":\"http://127.0.0.1:1\"}]}}}",
             millrace_gateway_address(g, 0));
    {
        struct config *taken = NULL;

        CHECK_EQ(millrace_config_parse(&taken, text, strlen(text), "some.json", NULL), 0);
        CHECK_EQ(millrace_gateway_new(&second, taken), -EADDRINUSE);
        CHECK(second == NULL);
        millrace_config_free(taken);
    }
    millrace_gateway_free(g);
    millrace_config_free(c);
}

TEST_MAIN()
