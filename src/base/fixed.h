/* fixed.h - logarithms and powers of two in fixed point, for what is worked out on each answer.  Q16: FIXED_ONE is 1.
 * Pure.  Errors are below 0.009, far below what latencies scatter. */
#ifndef MILLRACE_BASE_FIXED_H
#define MILLRACE_BASE_FIXED_H

#include <stdint.h>

enum { FIXED_ONE = 1 << 16 };

/* log2(v); 0 for 0. */
static inline int32_t fixed_log2(uint64_t v)
{
    unsigned whole = 63 - (unsigned)__builtin_clzll(v | 1);
    uint32_t part = (uint32_t)(whole >= 16 ? v >> (whole - 16) : v << (16 - whole)) & 0xffff;
    uint32_t bend =
        (uint32_t)((uint64_t)part * (FIXED_ONE - part) >> 16); /* log2(1 + x) is about x + 0.344 x (1 - x) */

    return (int32_t)((whole << 16) + part + (bend * 22544 >> 16));
}

/* 2^-x of a Q16 x, as Q16. */
static inline uint32_t fixed_exp2_neg(uint64_t x)
{
    uint32_t part = (uint32_t)x & 0xffff;
    /* 2^-x is about 1 - 0.6931 x + 0.1931 x^2 up to x = 1 */
    uint32_t fall = (uint32_t)((uint64_t)part * (45426 - (12658 * (uint64_t)part >> 16)) >> 16);

    return x >> 16 > 16 ? 0 : (FIXED_ONE - fall) >> (x >> 16);
}

#endif
