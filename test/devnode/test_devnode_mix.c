#include "test.h"

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

TEST(base64_of_known_texts)
{
    static const char *const rows[][2] = {{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
                                          {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
    char text[32];

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK_STR(slice_of(text, mix_base64(text, (const uint8_t *)rows[i][0], strlen(rows[i][0]))), rows[i][1]);
}

TEST_MAIN()
