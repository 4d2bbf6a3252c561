#include "test.h"

#include <stdlib.h>

#include "base/base64.h"

TEST(base64_both_ways)
{
    static const char *const rows[][2] = {{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
                                          {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
    uint8_t bytes[16];

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = strlen(rows[i][0]);
        char *text = base64_encode(slice_str(rows[i][0]));

        CHECK_STR(slice_str(text), rows[i][1]);
        CHECK_EQ(base64_decode(bytes, n, slice_str(rows[i][1])), n);
        CHECK(memcmp(bytes, rows[i][0], n) == 0);
        CHECK(n == 0 || base64_decode(bytes, n - 1, slice_str(rows[i][1])) == (size_t)-1);
        free(text);
    }
}

TEST(base64_refuses)
{
    static const char *const rows[] = {"Zg",   "Zg=",      "Zg*=",   "Zh==", "Zm9=", "Zm9v=", "====",  "=Zg=",
                                       "Z===", "Zg==Zg==", "Zm9v\n", "Zm 9", "Zm9-", "Zm9_",  "Zm9vYg"};
    uint8_t bytes[16];

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK(base64_decode(bytes, sizeof bytes, slice_str(rows[i])) == (size_t)-1);
}

TEST_MAIN()
