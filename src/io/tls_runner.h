/* tls_runner.h - the thread that does the arithmetic of handshakes, one step at a time, so that fifty dials at once
 * leave the loop its core.  Heap; owned by the dialer; borrows the jobs.  Loop side only: a job's compute alone runs on
 * the thread.
 *
 * Takes SIGRTMAX of the process: it makes the thread offer its core while it computes.
 *
 * Not libuv's thread pool: there, the thread wakes the loop while it holds what the loop takes next, and a loop that
 * was woken too early spins (uv_async_send of 1.44 and the pool's lock), which a thread that stands back makes long. */
#ifndef MILLRACE_IO_TLS_RUNNER_H
#define MILLRACE_IO_TLS_RUNNER_H

#include <stdbool.h>

#include "base/list.h"

struct loop;
struct tls_runner;

struct tls_job {
    struct list node;                      /* list_init before the first push; removed while it waits: never runs */
    void (*compute)(struct tls_job *job);  /* on the thread */
    void (*computed)(struct tls_job *job); /* on the loop; the job is the caller's again */
};

struct tls_runner *tls_runner_new(struct loop *l);
/* No job may wait.  One that computes is waited for (milliseconds) and handed back by computed(). */
struct tls_runner *tls_runner_free(struct tls_runner *r);

int tls_runner_ready(struct tls_runner *r);                      /* starts the thread if need be; 0 or <0 */
void tls_runner_push(struct tls_runner *r, struct tls_job *job); /* after tls_runner_ready */

static inline bool tls_job_waits(const struct tls_job *job) /* pushed, and not begun */
{
    return list_linked(&job->node);
}

#endif
