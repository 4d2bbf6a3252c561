#include "test.h"

#include "devnode/devnode_keccak.h"
#include "devnode/devnode_mix.h"

TEST(mixer_can_be_undone)
{
    static const uint64_t v[] = {0, 1, 2, 255, 1u << 31, UINT64_MAX, 0x123456789abcdef0u};

    for (unsigned i = 0; i < sizeof v / sizeof v[0]; i++)
        CHECK(mix64_undo(mix64(v[i])) == v[i]);
}

TEST(identity_leads_back_to_its_number)
{
    uint8_t id[64];
    uint64_t n;

    for (uint64_t i = 0; i < 1000; i += 37) {
        mix_id(42, i, id, sizeof id);
        CHECK(mix_find(42, id, 64, &n) && n == i);
        CHECK(mix_find(42, id, 32, &n) && n == i);
        CHECK(!mix_find(43, id, 32, &n));
        id[31] ^= 1;
        CHECK(!mix_find(42, id, 32, &n));
    }
}

TEST(base58_both_ways)
{
    static const struct {
        const char *hex, *text;
    } rows[] = {
        {"0x", ""},
        {"0x00", "1"},
        {"0x000000", "111"},
        {"0x61", "2g"},
        {"0x626262", "a3gV"},
        {"0x516b6fcd0f", "ABnLTmg"},
        {"0x00eb15231dfceb60925886b67d065299925915aeb172c06647", "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L"},
        {"0x73696d706c792061206c6f6e6720737472696e67", "2cFupjhnEsSn59qHXstmK2ffpLv2"},
    };
    uint8_t bytes[64], back[64];
    char text[128];

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = mix_unhex(bytes, sizeof bytes, slice_str(rows[i].hex));

        CHECK_STR(slice_of(text, mix_base58(text, bytes, n)), rows[i].text);
        CHECK_EQ(mix_unbase58(back, sizeof back, slice_str(rows[i].text)), n);
        CHECK(memcmp(bytes, back, n) == 0);
    }
    CHECK(mix_unbase58(back, sizeof back, SLICE("0")) == (size_t)-1);
    CHECK(mix_unbase58(back, 2, SLICE("a3gV")) == (size_t)-1);
}

TEST(base58_of_all_lengths)
{
    uint8_t bytes[200] = {0}, back[200];
    char text[400];

    for (size_t n = 0; n <= sizeof bytes; n++) {
        for (size_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)(mix64(n * 1000 + i) >> (n % 3 ? 0 : 60));
        CHECK_EQ(mix_unbase58(back, sizeof back, slice_of(text, mix_base58(text, bytes, n))), n);
        CHECK(memcmp(bytes, back, n) == 0);
    }
}

TEST(base64_both_ways)
{
    static const char *const rows[][2] = {{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
                                          {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
    uint8_t bytes[16];
    char text[32];

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = strlen(rows[i][0]);

        CHECK_STR(slice_of(text, mix_base64(text, (const uint8_t *)rows[i][0], n)), rows[i][1]);
        CHECK_EQ(mix_unbase64(bytes, sizeof bytes, slice_str(rows[i][1])), n);
        CHECK(memcmp(bytes, rows[i][0], n) == 0);
    }
    CHECK(mix_unbase64(bytes, sizeof bytes, SLICE("Zg*=")) == (size_t)-1);
}

TEST(keccak_of_known_texts)
{
    static const char *const rows[][2] = {
        {"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
        {"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"},
        {"Transfer(address,address,uint256)", "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"},
    };
    uint8_t hash[KECCAK_BYTES];
    char text[2 * KECCAK_BYTES];

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        keccak256((const uint8_t *)rows[i][0], strlen(rows[i][0]), hash);
        CHECK_STR(slice_of(text, mix_hex(text, hash, sizeof hash)), rows[i][1]);
    }
}

TEST_MAIN()
