#include "io/tls_runner.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/loop_priv.h"

/* How far the thread stands back: calls on warm sockets are worth more than the next dial.  Not further, or a machine
 * without idle time would not finish a handshake within its deadline. */
enum { STAND_BACK = 10, SLICE_NS = 100000 };

enum runner_state { RUNNER_NEW, RUNNER_PREPARED, RUNNER_LIVE };

/* The job belongs to the thread between `work` and `done`; neither side ever waits for a lock of the other. */
struct tls_runner {
    struct loop *loop;
    enum runner_state state;
    struct list waiting;
    struct tls_job *job; /* that computes; NULL: none */
    uv_sem_t work;
    int done_fd;
    uv_poll_t wake; /* on done_fd; keeps the loop going only while a job computes */
    uv_thread_t thread;
    timer_t ticks;
    bool has_ticks;
    atomic_bool done, stop;
};

struct tls_runner *tls_runner_new(struct loop *l)
{
    struct tls_runner *r = mem_zero(sizeof *r);

    r->loop = l;
    list_init(&r->waiting);
    return r;
}

/* For the calling thread alone: lower priority, and from Linux 6.12 on short slices (sched(7), sched_setattr(2); older
 * kernels do not look at the runtime of SCHED_BATCH). */
static void stand_back(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime_ns, deadline_ns, period_ns;
    } attr = {.size = sizeof attr, .policy = SCHED_BATCH, .runtime_ns = SLICE_NS};

    attr.nice = getpriority(PRIO_PROCESS, 0) + STAND_BACK;
    if (syscall(SYS_sched_setattr, 0, &attr, 0) < 0)
        setpriority(PRIO_PROCESS, 0, attr.nice);
}

static void on_tick(int signal)
{
    int kept = errno;

    (void)signal;
    sched_yield();
    errno = kept;
}

/* Priority alone is not enough.  A loop that wakes on this thread's core has often used more than its share there, just
 * because it runs when it has work; EEVDF (Linux 6.6 on) then leaves the core to this thread until the next tick of the
 * scheduler, up to 4 ms.  So while a job computes, a signal makes the thread offer its core every slice. */
static void ticks_prepare(struct tls_runner *r)
{
    struct sigaction act = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    struct sigevent to_thread = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMAX};

    to_thread._sigev_un._tid = gettid(); /* not every glibc has the name of timer_create(2) */
    r->has_ticks = sigaction(SIGRTMAX, &act, NULL) == 0 && timer_create(CLOCK_MONOTONIC, &to_thread, &r->ticks) == 0;
}

static void ticks_every(struct tls_runner *r, long slice_ns)
{
    struct itimerspec t = {.it_interval.tv_nsec = slice_ns, .it_value.tv_nsec = slice_ns};

    if (r->has_ticks)
        timer_settime(r->ticks, 0, &t, NULL);
}

static void runner_main(void *arg)
{
    struct tls_runner *r = arg;

    stand_back();
    ticks_prepare(r);
    for (;;) {
        uv_sem_wait(&r->work);
        if (atomic_load(&r->stop))
            break;
        ticks_every(r, SLICE_NS);
        r->job->compute(r->job);
        ticks_every(r, 0);
        atomic_store(&r->done, true);
        while (write(r->done_fd, &(uint64_t){1}, sizeof(uint64_t)) < 0 && errno == EINTR)
            ;
    }
    if (r->has_ticks)
        timer_delete(r->ticks);
}

static void runner_go(struct tls_runner *r)
{
    if (r->job || list_empty(&r->waiting))
        return;
    r->job = container_of(list_pop(&r->waiting), struct tls_job, node);
    uv_ref((uv_handle_t *)&r->wake);
    uv_sem_post(&r->work);
}

static void on_wake(uv_poll_t *wake, int status, int events)
{
    struct tls_runner *r = wake->data;
    struct tls_job *job = r->job;
    uint64_t count;

    (void)status;
    (void)events;
    if (read(r->done_fd, &count, sizeof count) < 0 || !atomic_exchange(&r->done, false))
        return;
    r->job = NULL;
    uv_unref((uv_handle_t *)&r->wake);
    /* The next one computes while this one's bytes are sent. */
    runner_go(r);
    job->computed(job);
}

static int runner_prepare(struct tls_runner *r)
{
    int status;

    r->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->done_fd < 0)
        return uv_translate_sys_error(errno);
    status = uv_sem_init(&r->work, 0);
    if (status) {
        close(r->done_fd);
        return status;
    }
    status = uv_poll_init(&r->loop->uv, &r->wake, r->done_fd);
    if (status) {
        uv_sem_destroy(&r->work);
        close(r->done_fd);
        return status;
    }
    r->wake.data = r;
    uv_poll_start(&r->wake, UV_READABLE, on_wake); /* fails only for events that do not exist */
    uv_unref((uv_handle_t *)&r->wake);
    r->state = RUNNER_PREPARED;
    return 0;
}

/* At the first handshake: gateways of plain endpoints never need it. */
int tls_runner_ready(struct tls_runner *r)
{
    int status = r->state == RUNNER_NEW ? runner_prepare(r) : 0;

    if (status == 0 && r->state == RUNNER_PREPARED) {
        status = uv_thread_create(&r->thread, runner_main, r);
        if (status == 0)
            r->state = RUNNER_LIVE;
    }
    return status;
}

void tls_runner_push(struct tls_runner *r, struct tls_job *job)
{
    list_push(&r->waiting, &job->node);
    runner_go(r);
}

static void on_closed(uv_handle_t *wake)
{
    struct tls_runner *r = wake->data;

    close(r->done_fd);
    uv_sem_destroy(&r->work);
    free(r);
}

struct tls_runner *tls_runner_free(struct tls_runner *r)
{
    if (!r)
        return NULL;
    assert(list_empty(&r->waiting));
    if (r->state == RUNNER_LIVE) {
        atomic_store(&r->stop, true);
        uv_sem_post(&r->work);
        uv_thread_join(&r->thread);
    }
    if (r->job)
        r->job->computed(r->job);
    if (r->state == RUNNER_NEW)
        free(r);
    else
        uv_close((uv_handle_t *)&r->wake, on_closed);
    return NULL;
}
