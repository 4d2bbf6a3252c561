#include "sim_again.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LAST_LINES = 200, LAST_BYTES = 1 << 18, LINE_MAX_BYTES = 1000 };

static char kept[2 * LAST_BYTES]; /* the end of the trace so far */

static void put(const char *p, size_t n)
{
    while (n) {
        ssize_t r = write(STDOUT_FILENO, p, n);

        if (r <= 0)
            return;
        p += r;
        n -= (size_t)r;
    }
}

static void put_text(const char *text)
{
    put(text, strlen(text));
}

/* By hand: printf is not for signal handlers. */
static void digits(char *to, uint64_t v)
{
    char reversed[24];
    size_t n = 0;

    do
        reversed[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n)
        *to++ = reversed[--n];
    *to = '\0';
}

static void child(int out, uint64_t seed, const char *plant)
{
    static char self[] = "/proc/self/exe", one[] = "--seed", trace[] = "--trace", planted[] = "--plant";
    static char number[24], name[64];
    char *argv[] = {self, one, number, trace, plant ? planted : NULL, name, NULL};
    int null = open("/dev/null", O_WRONLY);
    sigset_t all;

    digits(number, seed);
    if (plant)
        strncpy(name, plant, sizeof name - 1);
    dup2(out, STDOUT_FILENO);
    dup2(null, STDERR_FILENO); /* what went wrong was said by the first run */
    sigemptyset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL); /* that of a signal handler is inherited */
    execv(self, argv);
    _exit(127);
}

/* The end of what comes from `in`, in `kept`. */
static size_t read_end(int in)
{
    size_t n = 0;
    ssize_t r;

    while ((r = read(in, kept + n, sizeof kept - n)) > 0) {
        n += (size_t)r;
        if (n == sizeof kept) {
            memmove(kept, kept + n - LAST_BYTES, LAST_BYTES);
            n = LAST_BYTES;
        }
    }
    return n;
}

static void show_line(const char *p, size_t n)
{
    if (p[0] != '#') /* the verdict on the run was given */
        put_text("# ");
    put(p, n < LINE_MAX_BYTES ? n : LINE_MAX_BYTES);
    put_text(n < LINE_MAX_BYTES ? "\n" : "...\n");
}

static void show_end(size_t n)
{
    size_t at = n, lines = 0;

    for (; at; at--)
        if (kept[at - 1] == '\n' && at != n && ++lines == LAST_LINES)
            break;
    while (at < n) {
        const char *end = memchr(kept + at, '\n', n - at);
        size_t length = end ? (size_t)(end - (kept + at)) : n - at;

        if (length)
            show_line(kept + at, length);
        at += length + 1;
    }
}

void sim_again(uint64_t seed, const char *plant)
{
    int ends[2];
    pid_t pid;
    size_t n;

    if (pipe(ends) < 0)
        return;
    pid = fork();
    if (pid == 0)
        child(ends[1], seed, plant);
    close(ends[1]);
    if (pid > 0) {
        put_text("#   the end of its trace:\n");
        n = read_end(ends[0]);
        if (n)
            show_end(n);
        waitpid(pid, NULL, 0);
    }
    close(ends[0]);
}
