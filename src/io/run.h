/* run.h - runs a program without a shell, takes what it prints, and ends it and all that it started when it takes too
 * long.  Heap; owned by its maker until `done`, which comes once and never from inside run_start.  After run_cancel it
 * does not come.  The first bytes of what goes to standard error are kept too; both may hold secrets. */
#ifndef MILLRACE_IO_RUN_H
#define MILLRACE_IO_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct loop;
struct run;

enum { RUN_MAX_SAID = 2048 };

struct run_result {
    int status; /* <0: it could not be started */
    int64_t exit_code;
    int signal;        /* >0: that ended it */
    bool too_late;     /* killed at its time-out */
    bool too_long;     /* it printed more than max_bytes, and was killed */
    struct slice out;  /* good until `done` returns, as is */
    struct slice said; /* on standard error, at most RUN_MAX_SAID bytes */
};

struct run *run_start(struct loop *l, const char *const *argv, size_t n, size_t max_bytes, uint64_t timeout_ms,
                      void (*done)(void *owner, const struct run_result *r), void *owner);
struct run *run_cancel(struct run *r); /* kills it; returns NULL; NULL is fine */

#endif
