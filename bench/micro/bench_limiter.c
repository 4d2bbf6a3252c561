/* bench_limiter.c - what one call costs at a limiter: without a limit, with a rate, with everything.
 * Never fails: figures are for reading, not for gating.
 * With a name and a count it does only that, for instruction counting: the difference of two counts is the cost.
 *     valgrind --tool=callgrind bench_limiter rate 100000 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "upstream/limiter.h"

static const struct {
    const char *name;
    struct limiter_conf conf;
} things[] = {
    {"free", {0}},
    {"rate", {.requests_per_s = 100000000}},
    {"all",
     {.requests_per_s = 100000000, .units_per_s = 1000000000, .units_per_day = 1u << 31, .requests_per_day = 1u << 31}},
};

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    uint64_t left = 0;

    for (size_t t = 0; t < sizeof things / sizeof *things; t++) {
        unsigned long count = argc == 3 ? strtoul(argv[2], NULL, 10) : 20000000;
        struct limiter l;
        double from = now_s();

        if (argc == 3 && strcmp(argv[1], things[t].name) != 0)
            continue;
        limiter_init(&l, &things[t].conf, 0, 0);
        for (unsigned long i = 0; i < count; i++)
            if (limiter_may(&l, 3, 1, 26, i)) {
                limiter_take(&l, 1, 26, i);
                limiter_accepted(&l, 3, i);
                left++;
            }
        if (argc != 3)
            printf("%-5s %6.1f ns\n", things[t].name, (now_s() - from) * 1e9 / (double)count);
    }
    return left == 0; /* it never is */
}
