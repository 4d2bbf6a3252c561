#include "base/keccak.h"

#include <endian.h>
#include <string.h>

enum { ROUNDS = 24, LANE = 8, RATE = 136 /* bytes: 1600 bits less twice the 256 of the hash */ };

static uint64_t rotate(uint64_t v, unsigned by)
{
    return v << (by & 63) | v >> (-by & 63);
}

/* FIPS 202 section 3.2.5: what the shift register of iota gives for each round. */
static const uint64_t round_constant[ROUNDS] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

/* Sections 3.2.2 and 3.2.3, walked together: the lane that pi writes next, and how far rho turns what lands there. */
static const struct {
    uint8_t lane, turn;
} walk[KECCAK_LANES - 1] = {
    {10, 1},  {7, 3},   {11, 6},  {17, 10}, {18, 15}, {3, 21}, {5, 28},  {16, 36}, {8, 45},  {21, 55}, {24, 2}, {4, 14},
    {15, 27}, {23, 41}, {19, 56}, {13, 8},  {12, 25}, {2, 43}, {20, 62}, {14, 18}, {22, 39}, {9, 61},  {6, 20}, {1, 44},
};

/* Sections 3.2.1 to 3.2.5: theta, rho and pi, chi, iota.  Lane (x, y) is at x + 5 * y. */
static void permute(uint64_t a[KECCAK_LANES])
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t column[5], turned[5], carried, lane;

        for (unsigned x = 0; x < 5; x++)
            column[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
        for (unsigned x = 0; x < 5; x++)
            turned[x] = column[(x + 4) % 5] ^ rotate(column[(x + 1) % 5], 1);
        for (unsigned y = 0; y < KECCAK_LANES; y += 5)
            for (unsigned x = 0; x < 5; x++)
                a[y + x] ^= turned[x];
        carried = a[1];
        for (unsigned t = 0; t < KECCAK_LANES - 1; t++) {
            lane = a[walk[t].lane];
            a[walk[t].lane] = rotate(carried, walk[t].turn);
            carried = lane;
        }
        for (unsigned y = 0; y < KECCAK_LANES; y += 5) {
            memcpy(column, a + y, sizeof column);
            for (unsigned x = 0; x < 5; x++)
                a[y + x] = column[x] ^ (~column[(x + 1) % 5] & column[(x + 2) % 5]);
        }
        a[0] ^= round_constant[round];
    }
}

void keccak_init(struct keccak *k)
{
    *k = (struct keccak){0};
}

static void add_byte(struct keccak *k, size_t at, uint8_t byte)
{
    k->lane[at / LANE] ^= (uint64_t)byte << (8 * (at % LANE));
}

void keccak_add(struct keccak *k, const uint8_t *p, size_t n)
{
    uint64_t lane;

    while (n) {
        if (k->at % LANE == 0 && n >= LANE) {
            memcpy(&lane, p, LANE);
            k->lane[k->at / LANE] ^= le64toh(lane);
            k->at += LANE;
            p += LANE;
            n -= LANE;
        } else {
            add_byte(k, k->at++, *p++);
            n--;
        }
        if (k->at == RATE) {
            permute(k->lane);
            k->at = 0;
        }
    }
}

void keccak_final(struct keccak *k, uint8_t out[KECCAK_BYTES])
{
    add_byte(k, k->at, 1);
    add_byte(k, RATE - 1, 0x80);
    permute(k->lane);
    for (unsigned i = 0; i < KECCAK_BYTES; i++)
        out[i] = (uint8_t)(k->lane[i / LANE] >> (8 * (i % LANE)));
}

void keccak256(const uint8_t *p, size_t n, uint8_t out[KECCAK_BYTES])
{
    struct keccak k;

    keccak_init(&k);
    keccak_add(&k, p, n);
    keccak_final(&k, out);
}
