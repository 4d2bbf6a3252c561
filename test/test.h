/* test.h - the smallest harness: TEST bodies register themselves, TEST_MAIN runs them and prints TAP.
 * A check that fails prints where and what, and the test goes on, so that one run shows all that is wrong. */
#ifndef MILLRACE_TEST_H
#define MILLRACE_TEST_H

#include <stdio.h>
#include <string.h>

#include "base/slice.h"

struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
};

extern struct test_case *test_cases;
extern unsigned test_failures;

#define TEST(name_)                                                                                                    \
    static void name_(void);                                                                                           \
    static struct test_case name_##_case = {#name_, name_, NULL};                                                      \
    __attribute__((constructor)) static void name_##_register(void)                                                    \
    {                                                                                                                  \
        struct test_case **at = &test_cases;                                                                           \
        while (*at)                                                                                                    \
            at = &(*at)->next;                                                                                         \
        *at = &name_##_case;                                                                                           \
    }                                                                                                                  \
    static void name_(void)

#define CHECK(cond)                                                                                                    \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            test_failures++;                                                                                           \
            printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);                                                        \
        }                                                                                                              \
    } while (0)

/* Integers of any width. */
#define CHECK_EQ(a, b)                                                                                                 \
    do {                                                                                                               \
        long long test_a_ = (long long)(a), test_b_ = (long long)(b);                                                  \
        if (test_a_ != test_b_) {                                                                                      \
            test_failures++;                                                                                           \
            printf("# %s:%d: %s is %lld, expected %s = %lld\n", __FILE__, __LINE__, #a, test_a_, #b, test_b_);         \
        }                                                                                                              \
    } while (0)

/* A slice against a C string. */
#define CHECK_STR(slice_, text)                                                                                        \
    do {                                                                                                               \
        struct slice test_s_ = (slice_), test_t_ = slice_str(text);                                                    \
        if (!slice_eq(test_s_, test_t_)) {                                                                             \
            test_failures++;                                                                                           \
            printf("# %s:%d: %s is \"%.*s\", expected \"%.*s\"\n", __FILE__, __LINE__, #slice_, (int)test_s_.n,        \
                   test_s_.p ? test_s_.p : "", (int)test_t_.n, test_t_.p);                                             \
        }                                                                                                              \
    } while (0)

/* No semicolon after it. */
#define TEST_MAIN()                                                                                                    \
    struct test_case *test_cases;                                                                                      \
    unsigned test_failures;                                                                                            \
    int main(void)                                                                                                     \
    {                                                                                                                  \
        unsigned n = 0, bad = 0;                                                                                       \
        for (struct test_case *t = test_cases; t; t = t->next) {                                                       \
            test_failures = 0;                                                                                         \
            t->run();                                                                                                  \
            n++;                                                                                                       \
            bad += test_failures != 0;                                                                                 \
            printf("%s %u - %s\n", test_failures ? "not ok" : "ok", n, t->name);                                       \
            fflush(stdout);                                                                                            \
        }                                                                                                              \
        printf("1..%u\n", n);                                                                                          \
        return bad != 0;                                                                                               \
    }

#endif
