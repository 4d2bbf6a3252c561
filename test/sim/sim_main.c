/* sim - the gateway in a simulated world: seeded runs, each of which must hold what design.md promises.
 *
 *   sim [--runs N] [--seconds S] [--from SEED]     N runs (10000) or S seconds (60), whichever ends first
 *   sim --seed N [--trace]                         one run again
 *   sim --plant NAME ...                           with a fault planted in the gateway (only with -Dplant=true)
 *   sim --plants                                   with each planted fault in turn: each must make a run fail
 */
#include "sim_main.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/plant.h"
#include "sim_again.h"
#include "sim_plant.h"
#include "sim_run.h"

enum { RUN_SECONDS_MAX = 30, EXIT_WRONG = 1, EXIT_USAGE = 2 };

struct options {
    uint64_t runs, from;
    double seconds;
    bool one, trace, plants;
    enum plant plant;
};

static struct world *running;

/* Shared with the process that watches this one. */
static struct watched {
    uint64_t seed;
    bool running, reported;
} * watched;

void sim_main_running(struct world *w)
{
    running = w;
    if (watched)
        *watched = (struct watched){.seed = w->seed, .running = true};
    alarm(RUN_SECONDS_MAX);
}

const struct world *sim_main_world(void)
{
    return running;
}

static void verdict(uint64_t seed, const char *why)
{
    printf("not ok - seed %llu: %s\n", (unsigned long long)seed, why);
    printf("#   to see it: sim --seed %llu --trace%s%s\n", (unsigned long long)seed,
           sim_plant_name() ? " --plant " : "", sim_plant_name() ? sim_plant_name() : "");
    fflush(stdout);
}

static void report(const struct world *w, const char *why)
{
    verdict(w->seed, why);
    if (watched)
        watched->reported = true;
}

void sim_run_failed(struct world *w, const char *why)
{
    report(w, why);
    _exit(EXIT_WRONG);
}

/* An assertion of the gateway, a bad access, a loop without end: the seed is what matters. */
static void on_crash(int number)
{
    if (running)
        report(running, number == SIGALRM ? "it takes longer than half a minute" : strsignal(number));
    _exit(EXIT_WRONG);
}

/* AddressSanitizer ends the process by itself. */
void __asan_on_error(void);
__attribute__((used)) void __asan_on_error(void)
{
    if (running)
        report(running, "AddressSanitizer");
}

/* Present in programs built with AddressSanitizer alone. */
__attribute__((weak)) size_t __sanitizer_get_current_allocated_bytes(void);

static double now_s(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void many(const struct options *o, struct sim_totals *t)
{
    double until_s = now_s() + o->seconds;
    size_t before = 0, after;

    for (uint64_t i = 0; i < o->runs && now_s() < until_s; i++) {
        sim_run(o->from + i, o->trace, t);
        if (!__sanitizer_get_current_allocated_bytes)
            continue;
        after = __sanitizer_get_current_allocated_bytes();
        if (before && after != before)
            sim_fail(running, "%zu bytes leak", after - before);
        before = after;
    }
    alarm(0);
}

/* In a child process: true: a run failed; what it said is in `said`. */
static bool bites(const struct options *o, enum plant p, char *said, size_t cap)
{
    int ends[2], status = 0;
    pid_t pid;
    size_t n = 0;
    ssize_t r;

    fflush(stdout);
    if (pipe(ends) < 0 || (pid = fork()) < 0) {
        perror("sim");
        exit(EXIT_WRONG);
    }
    if (pid == 0) {
        struct sim_totals t = {0};

        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        sim_plant_set(p);
        many(o, &t);
        _exit(0);
    }
    close(ends[1]);
    while (n + 1 < cap && (r = read(ends[0], said + n, cap - 1 - n)) > 0)
        n += (size_t)r;
    said[n] = '\0';
    close(ends[0]);
    waitpid(pid, &status, 0);
    return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Goes on in a child process.  When that fails, whatever way it ends, its last run is shown again. */
static void watch(void)
{
    int status = 0;
    pid_t pid;

    watched = mmap(NULL, sizeof *watched, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (watched == MAP_FAILED || (pid = fork()) < 0) {
        perror("sim");
        exit(EXIT_WRONG);
    }
    if (pid == 0)
        return;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        exit(0);
    if (!watched->running) {
        puts("not ok - it fails after its runs");
        exit(EXIT_WRONG);
    }
    if (!watched->reported)
        verdict(watched->seed, "it ends the process");
    sim_again(watched->seed, sim_plant_name());
    exit(EXIT_WRONG);
}

static int all_plants(const struct options *o)
{
    unsigned bad = 0;

    printf("1..%d\n", PLANT_COUNT - 1);
    for (enum plant p = PLANT_NONE + 1; p < PLANT_COUNT; p++) {
        static char said[65536];
        double at = now_s();
        bool caught = bites(o, p, said, sizeof said);
        const char *line = strstr(said, "not ok - seed ");
        int n = line ? (int)strcspn(line + 9, "\n") : 0;

        bad += !caught;
        printf("%sok %d - a planted fault is found: %s (%s): %.*s # %.1f s\n", caught ? "" : "not ", (int)p,
               sim_plant_text(p), sim_plant_title(p), n < 200 ? n : 200, line ? line + 9 : "", now_s() - at);
        fflush(stdout);
    }
    return bad ? EXIT_WRONG : 0;
}

static int usage(const char *what)
{
    fprintf(stderr, "sim: %s; see the head of test/sim/sim_main.c\n", what);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"runs", required_argument, NULL, 'r'}, {"seconds", required_argument, NULL, 's'},
        {"from", required_argument, NULL, 'f'}, {"seed", required_argument, NULL, 'S'},
        {"trace", no_argument, NULL, 't'},      {"plant", required_argument, NULL, 'p'},
        {"plants", no_argument, NULL, 'P'},     {NULL, 0, NULL, 0},
    };
    struct options o = {.runs = 10000, .from = 1, .seconds = 60};
    struct sim_totals t = {0};
    double at;
    int opt;

    while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (opt) {
        case 'r':
            o.runs = strtoull(optarg, NULL, 10);
            break;
        case 's':
            o.seconds = strtod(optarg, NULL);
            break;
        case 'S':
            o.runs = 1;
            o.one = true; /* fallthrough */
        case 'f':
            o.from = strtoull(optarg, NULL, 10);
            break;
        case 't':
            o.trace = true;
            setvbuf(stdout, NULL, _IOLBF, 0); /* whatever way it ends */
            break;
        case 'p':
            o.plant = sim_plant_find(optarg);
            if (!o.plant)
                return usage("no such fault, or not built with -Dplant=true");
            break;
        case 'P':
            o.plants = true;
            break;
        default:
            return usage("wrong option");
        }
    }
    signal(SIGABRT, on_crash);
    signal(SIGALRM, on_crash);
    if (!__sanitizer_get_current_allocated_bytes) {
        signal(SIGSEGV, on_crash);
        signal(SIGBUS, on_crash);
    }
    if (o.plants)
        return all_plants(&o);
    sim_plant_set(o.plant);
    if (!o.trace) /* else it is the trace of a run that failed, perhaps */
        watch();
    at = now_s();
    many(&o, &t);
    if (watched)
        watched->running = false;
    at = now_s() - at;
    printf("ok 1 - simulated: %llu runs in %.1f s (%.0f a second): %llu calls, %llu with their result, %llu upstream "
           "(%llu of them hedges), %llu events\n",
           (unsigned long long)t.runs, at, (double)t.runs / at, (unsigned long long)t.calls,
           (unsigned long long)t.results, (unsigned long long)t.upstream, (unsigned long long)t.hedged,
           (unsigned long long)t.steps);
    puts("1..1");
    return 0;
}
