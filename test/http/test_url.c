#include "http/url.h"
#include "test.h"

TEST(urls)
{
    static const struct {
        const char *text;
        bool tls;
        unsigned port;
        const char *host, *host_header, *target, *userinfo, *redacted;
    } rows[] = {
        {"http://127.0.0.1:8545", false, 8545, "127.0.0.1", "127.0.0.1:8545", "/", NULL, "http://127.0.0.1:8545/..."},
        {"https://Host.Example/v2/KEY?a=b", true, 443, "host.example", "host.example", "/v2/KEY?a=b", NULL,
         "https://host.example:443/..."},
        {"HTTPS://h:443/", true, 443, "h", "h", "/", NULL, "https://h:443/..."},
        {"http://h:443", false, 443, "h", "h:443", "/", NULL, "http://h:443/..."},
        {"http://h:80?x=%20#", false, 0, NULL, NULL, NULL, NULL, NULL},
        {"http://h?key=1", false, 80, "h", "h", "/?key=1", NULL, "http://h:80/..."},
        {"http://h/a//b/../c%2F|{}", false, 80, "h", "h", "/a//b/../c%2F|{}", NULL, "http://h:80/..."},
        {"http://h/p@q:1", false, 80, "h", "h", "/p@q:1", NULL, "http://h:80/..."},
        {"http://[::1]:8545/x", false, 8545, "::1", "[::1]:8545", "/x", NULL, "http://[::1]:8545/..."},
        {"https://[2001:DB8::1]", true, 443, "2001:db8::1", "[2001:db8::1]", "/", NULL,
         "https://[2001:db8::1]:443/..."},
        {"http://user:pass@h:1", false, 1, "h", "h:1", "/", "user:pass", "http://h:1/..."},
        {"http://u%40x:p%3a%2f@h", false, 80, "h", "h", "/", "u@x:p:/", "http://h:80/..."},
        {"http://user@h", false, 80, "h", "h", "/", "user:", "http://h:80/..."},
        {"http://@h", false, 80, "h", "h", "/", NULL, "http://h:80/..."},
        {"http://my_node-1.local:65535/", false, 65535, "my_node-1.local", "my_node-1.local:65535", "/", NULL,
         "http://my_node-1.local:65535/..."},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[128];
        struct url u;

        if (!rows[i].host) {
            CHECK(url_parse(&u, slice_str(rows[i].text)) != 0);
            continue;
        }
        CHECK_EQ(url_parse(&u, slice_str(rows[i].text)), 0);
        CHECK_EQ(u.tls, rows[i].tls);
        CHECK_EQ(u.port, rows[i].port);
        CHECK_STR(slice_str(u.host), rows[i].host);
        CHECK_STR(slice_str(u.host_header), rows[i].host_header);
        CHECK_STR(slice_str(u.target), rows[i].target);
        CHECK((u.userinfo == NULL) == (rows[i].userinfo == NULL));
        if (u.userinfo && rows[i].userinfo)
            CHECK_STR(slice_str(u.userinfo), rows[i].userinfo);
        CHECK_STR(slice_str(url_redacted(&u, text, sizeof text)), rows[i].redacted);
        CHECK_EQ(strlen(url_redacted(&u, text, 10)), 9);
        url_deinit(&u);
    }
}

TEST(bad_urls)
{
    static const struct {
        const char *text;
        int outcome;
    } rows[] = {
        {"", URL_BAD_SCHEME},
        {"h", URL_BAD_SCHEME},
        {"ftp://h", URL_BAD_SCHEME},
        {"http:/h", URL_BAD_SCHEME},
        {"ws://h", URL_BAD_SCHEME},
        {"127.0.0.1:8545", URL_BAD_SCHEME},
        {"http://", URL_BAD_HOST},
        {"http:///x", URL_BAD_HOST},
        {"http://:80", URL_BAD_HOST},
        {"http://?x", URL_BAD_HOST},
        {"http://[::1", URL_BAD_HOST},
        {"http://[::1]x", URL_BAD_HOST},
        {"http://[1.2.3.4]", URL_BAD_HOST},
        {"http://[]", URL_BAD_HOST},
        {"http://::1/", URL_BAD_HOST},
        {"http://a..b", URL_BAD_HOST},
        {"http://.a", URL_BAD_HOST},
        {"http://-a", URL_BAD_HOST},
        {"http://a,b", URL_BAD_HOST},
        {"http://a%20b", URL_BAD_HOST},
        {"http://a@b@c", URL_BAD_HOST},
        {"http://a\\b", URL_BAD_HOST},
        {"http://h:", URL_BAD_PORT},
        {"http://h:0", URL_BAD_PORT},
        {"http://h:65536", URL_BAD_PORT},
        {"http://h:99999999999999999999", URL_BAD_PORT},
        {"http://h:+80", URL_BAD_PORT},
        {"http://h:80x", URL_BAD_PORT},
        {"http://h:80:80", URL_BAD_PORT},
        {"http://[::1]:", URL_BAD_PORT},
        {"http://h/#f", URL_BAD_BYTE},
        {"http://h/a b", URL_BAD_BYTE},
        {" http://h/", URL_BAD_BYTE},
        {"http://h/\n", URL_BAD_BYTE},
        {"http://h/\x80", URL_BAD_BYTE},
        {"http://u%0a:p@h", URL_BAD_BYTE},
        {"http://u%:p@h", URL_BAD_BYTE},
        {"http://u%4@h", URL_BAD_BYTE},
        {"http://u%3Ax:p@h", URL_BAD_BYTE},
        {"http://u:p%00@h", URL_BAD_BYTE},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct url u;
        int r = url_parse(&u, slice_str(rows[i].text));

        CHECK_EQ(r, rows[i].outcome);
        if (r != rows[i].outcome)
            printf("# for %s\n", rows[i].text);
        if (r == 0)
            url_deinit(&u);
        else
            CHECK(u.host == NULL && u.host_header == NULL && u.target == NULL && u.userinfo == NULL);
    }
}

TEST_MAIN()
