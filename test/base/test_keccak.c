#include "test.h"

#include <stdint.h>

#include "base/keccak.h"

static const char *hex(const uint8_t hash[KECCAK_BYTES])
{
    static char text[2 * KECCAK_BYTES + 1];

    for (unsigned i = 0; i < KECCAK_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
    return text;
}

TEST(known_texts)
{
    static const char *const rows[][2] = {
        {"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
        {"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"},
        {"Transfer(address,address,uint256)", "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"},
    };
    uint8_t hash[KECCAK_BYTES];

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        keccak256((const uint8_t *)rows[i][0], strlen(rows[i][0]), hash);
        CHECK_STR(slice_str(hex(hash)), rows[i][1]);
    }
}

/* Around the ends of lanes and blocks; computed with ethers 6.17.0 (keccak256). Byte i is 7 * i + 3. */
static const struct {
    size_t n;
    const char *hash;
} lengths[] = {
    {0, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
    {1, "69c322e3248a5dfc29d73c5b0553b0185a35cd5bb6386747517ef7e53b15e287"},
    {7, "af2dd82887bb5be2eaa8117023b0b486d9dbd438e9f92e89dc2ada088af681ad"},
    {8, "ad894215c2106b9dfa2c04022025509974a5eb20b9f4cd27ca716967542ecf6e"},
    {31, "8522dc30be01c01348c0591309ac2948c9ae4ce02facbb745f85a5297286d3dd"},
    {32, "04d1b47ed3b04c5ff6a0280293cb2ab55bd297c9c2e0c3449831b419285d7df2"},
    {55, "152cc5298108a3ec3a26e0c5aead9c2770c184a6bdf87eb087716b185c8e2238"},
    {56, "515efa1a7d43f655443dff20ec3f7e75e2af9ec2415ca813d21d0918a0e70fa2"},
    {135, "00ef96af9cf4b24c7f269d922294444a197d0a33638c2e56634c57e892103a8f"},
    {136, "742061bcad767ed4c4f5883b1dcb1aad11afdcc140dc469d953759b127b9f9ed"},
    {137, "e3371f61e770abf254c34239c3b0099ad90594507415bc81dd0a10b9692bbf2a"},
    {271, "4401c4afbe16ff911bdbf2d38e556e5b861f3fdf0f9d4306b1c46f6ae4f73584"},
    {272, "ac141fd7b0a0ffcd2e967254d508da3ec616596493c36fa304425647d90e6de5"},
    {273, "16192ea86793083e47731cb3c970600f04768414d92bc0540e54ce8607a0fce0"},
    {1000, "80cdc8dd52cbb3dbaea8f383209893fa2bb52efbd5aedbb4b26dcfe307fcdc9b"},
    {5000, "824a5ee6f1075dbe1500a4f8696fbfe69a13d0fa0310692c5271547474dfaea8"},
};

static uint8_t bytes[5000];

static void fill(void)
{
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(7 * i + 3);
}

TEST(lengths_around_blocks)
{
    uint8_t hash[KECCAK_BYTES];

    fill();
    for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        keccak256(bytes, lengths[i].n, hash);
        CHECK_STR(slice_str(hex(hash)), lengths[i].hash);
    }
}

TEST(pieces_make_the_whole)
{
    struct keccak k;
    uint8_t hash[KECCAK_BYTES], whole[KECCAK_BYTES];

    fill();
    for (size_t n = 0; n <= 300; n++) {
        keccak256(bytes, n, whole);
        for (size_t step = 1; step <= n; step += step < 20 ? 1 : 17) {
            keccak_init(&k);
            for (size_t at = 0; at < n; at += step)
                keccak_add(&k, bytes + at, n - at < step ? n - at : step);
            keccak_final(&k, hash);
            CHECK(memcmp(hash, whole, sizeof hash) == 0);
        }
        for (size_t cut = 0; cut <= n; cut++) {
            keccak_init(&k);
            keccak_add(&k, bytes, cut);
            keccak_add(&k, bytes + cut, n - cut);
            keccak_final(&k, hash);
            CHECK(memcmp(hash, whole, sizeof hash) == 0);
        }
    }
}

TEST_MAIN()
