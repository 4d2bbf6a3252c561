#include "http/field.h"
#include "http/head.h"
#include "test.h"

/* The vector paths against a byte by byte reading: each byte value at each place of lines of each length. */
TEST(heads_by_bytes)
{
    for (size_t n = 1; n <= 70; n += n < 40 ? 3 : 7) {
        for (size_t at = 0; at < n; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                char text[80];
                struct head h = {0};
                struct slice line;
                enum head_event ev;
                bool control = (byte < 32 && byte != '\t') || byte == 127;

                memset(text, 'a', n);
                text[at] = (char)byte;
                memcpy(text + n, "\r\n\r\n", 4);
                ev = head_next(&h, text, n + 2, &line);
                if (ev != (control ? HEAD_BAD : HEAD_LINE)) {
                    CHECK_EQ(ev, control ? HEAD_BAD : HEAD_LINE);
                    return;
                }
                if (ev == HEAD_LINE && line.n != n)
                    CHECK_EQ(line.n, n);
            }
        }
    }
}

TEST(names_by_bytes)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    for (size_t n = 1; n <= 40; n++) {
        for (size_t at = 0; at < n; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                char text[80];
                struct slice name = {NULL, 0}, value;
                bool good = byte != 0 && strchr(token, (int)byte) != NULL;
                bool split;

                memset(text, 'a', n);
                text[at] = (char)byte;
                memcpy(text + n, ": v\r\n", 5);
                split = field_split(slice_of(text, n + 3), &name, &value);
                /* a colon inside only ends the name earlier */
                if (byte == ':')
                    good = at > 0;
                if (split != good) {
                    CHECK_EQ(split, good);
                    return;
                }
                if (split && name.n != (byte == ':' ? at : n))
                    CHECK_EQ(name.n, n);
            }
        }
    }
}

TEST(values)
{
    static const struct {
        const char *line, *value;
    } rows[] = {{"X:\r", ""},        {"X: \r", ""},      {"X:\t\r", ""},       {"X:y\r", "y"},
                {"X: y\r", "y"},     {"X:  y\r", "y"},   {"X: y \r", "y"},     {"X:\ty\t\r", "y"},
                {"X: y z\r", "y z"}, {"X:: y\r", ": y"}, {"X: \x80\r", "\x80"}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice name = {NULL, 0}, value = {NULL, 0};

        CHECK(field_split(slice_of(rows[i].line, strlen(rows[i].line) - 1), &name, &value));
        CHECK_STR(name, "X");
        CHECK_STR(value, rows[i].value);
    }
}

TEST(lists)
{
    static const struct {
        const char *value;
        bool close, keep_alive;
    } rows[] = {{"", false, false},
                {",, ,", false, false},
                {"close", true, false},
                {"Keep-Alive", false, true},
                {"a,keep-alive\t,b", false, true},
                {"close,keep-alive", true, true},
                {"closex", false, false},
                {"xclose", false, false}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool close = false, keep_alive = false;

        field_connection(slice_str(rows[i].value), &close, &keep_alive);
        CHECK(close == rows[i].close && keep_alive == rows[i].keep_alive);
    }
}

TEST_MAIN()
