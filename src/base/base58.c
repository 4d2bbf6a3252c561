#include "base/base58.h"

enum { LIMB = 4, MAX_LIMBS = BASE58_MAX / LIMB, GROUP = 5 /* digits handled at a time: 58^5 fits 32 bits */ };

static const char digit[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

size_t base58_encode(char *out, const uint8_t *p, size_t n)
{
    enum { POWER = 58 * 58 * 58 * 58 * 58 };
    uint32_t limb[MAX_LIMBS + 1] = {0}; /* most significant first */
    size_t zeros = 0, from = 0, limbs, digits = 0, i;

    if (n > BASE58_MAX)
        return 0;
    while (zeros < n && p[zeros] == 0)
        zeros++;
    limbs = (n + LIMB - 1) / LIMB;
    for (i = 0; i < n; i++)
        limb[limbs - 1 - (n - 1 - i) / LIMB] |= (uint32_t)p[i] << (8 * ((n - 1 - i) % LIMB));
    while (from < limbs) {
        uint64_t rest = 0;

        for (i = from; i < limbs; i++) {
            rest = rest << 32 | limb[i];
            limb[i] = (uint32_t)(rest / POWER);
            rest %= POWER;
        }
        while (from < limbs && limb[from] == 0)
            from++;
        for (i = 0; i < GROUP; i++, rest /= 58)
            out[digits++] = digit[rest % 58];
    }
    while (digits && out[digits - 1] == '1')
        digits--;
    for (i = 0; i < zeros; i++)
        out[digits++] = '1';
    for (i = 0; i < digits / 2; i++) {
        char c = out[i];

        out[i] = out[digits - 1 - i];
        out[digits - 1 - i] = c;
    }
    return digits;
}

size_t base58_decode(uint8_t *out, size_t cap, struct slice text)
{
    uint32_t limb[MAX_LIMBS + 1]; /* least significant first */
    size_t zeros = 0, limbs = 0, i, n;

    while (zeros < text.n && text.p[zeros] == '1')
        zeros++;
    for (i = zeros; i < text.n;) {
        uint64_t carry = 0;
        uint32_t power = 1;

        for (unsigned g = 0; g < GROUP && i < text.n; g++, i++) {
            const char *at = text.p[i] ? strchr(digit, text.p[i]) : NULL;

            if (!at)
                return (size_t)-1;
            carry = carry * 58 + (uint64_t)(at - digit);
            power *= 58;
        }
        for (size_t k = 0; k < limbs; k++) {
            carry += (uint64_t)limb[k] * power;
            limb[k] = (uint32_t)carry;
            carry >>= 32;
        }
        if (carry) {
            if (limbs == MAX_LIMBS)
                return (size_t)-1;
            limb[limbs++] = (uint32_t)carry;
        }
    }
    n = limbs * LIMB;
    while (n && (limb[(n - 1) / LIMB] >> (8 * ((n - 1) % LIMB)) & 255) == 0)
        n--;
    if (zeros > cap || n > cap - zeros)
        return (size_t)-1;
    memset(out, 0, zeros);
    for (i = 0; i < n; i++)
        out[zeros + i] = (uint8_t)(limb[(n - 1 - i) / LIMB] >> (8 * ((n - 1 - i) % LIMB)));
    return zeros + n;
}
