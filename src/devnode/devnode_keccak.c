#include "devnode/devnode_keccak.h"

#include <string.h>

enum { LANES = 25, ROUNDS = 24, RATE = 136 /* bytes: 1600 bits less twice the 256 of the hash */ };

static uint64_t rotate(uint64_t v, unsigned by)
{
    return by ? v << by | v >> (64 - by) : v;
}

/* FIPS 202 section 3.2.5: the round constants are the output of an 8-bit shift register. */
static uint64_t round_constant(uint8_t *shift)
{
    uint64_t c = 0;

    for (unsigned j = 0; j < 7; j++) {
        if (*shift & 1)
            c |= (uint64_t)1 << ((1u << j) - 1);
        *shift = (uint8_t)(*shift << 1 ^ (*shift >> 7 ? 0x71 : 0));
    }
    return c;
}

/* FIPS 202 sections 3.2.1 to 3.2.5: theta; rho and pi in one walk; chi; iota.  Lane (x, y) is at x + 5 * y. */
static void permute(uint64_t a[LANES])
{
    uint8_t shift = 1;

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t column[5], carried;
        unsigned x = 1, y = 0;

        for (unsigned i = 0; i < 5; i++)
            column[i] = a[i] ^ a[i + 5] ^ a[i + 10] ^ a[i + 15] ^ a[i + 20];
        for (unsigned i = 0; i < LANES; i++)
            a[i] ^= column[(i + 4) % 5] ^ rotate(column[(i + 1) % 5], 1);
        carried = a[1];
        for (unsigned t = 0; t < 24; t++) {
            unsigned next = (2 * x + 3 * y) % 5;
            uint64_t lane;

            x = y;
            y = next;
            lane = a[x + 5 * y];
            a[x + 5 * y] = rotate(carried, (t + 1) * (t + 2) / 2 % 64);
            carried = lane;
        }
        for (unsigned row = 0; row < LANES; row += 5) {
            memcpy(column, a + row, sizeof column);
            for (unsigned i = 0; i < 5; i++)
                a[row + i] = column[i] ^ (~column[(i + 1) % 5] & column[(i + 2) % 5]);
        }
        a[0] ^= round_constant(&shift);
    }
}

static void absorb(uint64_t a[LANES], const uint8_t block[RATE])
{
    for (unsigned i = 0; i < RATE; i++)
        a[i / 8] ^= (uint64_t)block[i] << (8 * (i % 8));
    permute(a);
}

void keccak256(const uint8_t *p, size_t n, uint8_t out[KECCAK_BYTES])
{
    uint64_t a[LANES] = {0};
    uint8_t last[RATE] = {0};

    for (; n >= RATE; p += RATE, n -= RATE)
        absorb(a, p);
    if (n)
        memcpy(last, p, n);
    last[n] = 1;
    last[RATE - 1] |= 0x80;
    absorb(a, last);
    for (unsigned i = 0; i < KECCAK_BYTES; i++)
        out[i] = (uint8_t)(a[i / 8] >> (8 * (i % 8)));
}
