/* main.c - options, commands, exit codes: 0 good, 1 failed while running, 2 usage or configuration. */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin/fetch.h"
#include "admin/version.h"
#include "base/log.h"
#include "config/config.h"
#include "devnode/demo.h"
#include "gateway/gateway.h"
#include "http/version.h"
#include "io/listener.h"
#include "io/version.h"

enum { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };
enum { REPORT_MAX = 1 << 20, STATUS_MAX = 64 << 20, STATUS_TIMEOUT_MS = 5000, LARGE_BYTES = 256 * 1024 };

static const char usage[] =
    "usage: millrace [-c FILE] [--listen HOST:PORT] [--admin HOST:PORT] [--log-level LEVEL]   run the gateway\n"
    "       millrace demo [--listen HOST:PORT] [--admin HOST:PORT] [--log-level LEVEL]        run on built-in "
    "simulated nodes\n"
    "       millrace check [-c FILE]                                                          validate a "
    "configuration\n"
    "       millrace status [-c FILE] [--admin HOST:PORT]                                     ask a running gateway\n"
    "       millrace --help | --version\n"
    "\n"
    "  -c, --config FILE    configuration (default ./endpoints.json)\n"
    "  --listen HOST:PORT   service address instead of the configured ones; unix:/path; port 0 picks a free one\n"
    "  --admin HOST:PORT    admin address instead of the configured ones\n"
    "  --log-level LEVEL    error, warn, info or debug\n";

struct options {
    const char *config, *listen, *admin, *log_level;
};

static int bad_usage(const char *what, const char *arg)
{
    fprintf(stderr, "millrace: %s%s%s\n%s", what, arg ? ": " : "", arg ? arg : "", usage);
    return EXIT_USAGE;
}

static int print_version(void)
{
    printf("millrace %s (libuv %s, mbedTLS %s, llhttp %s)\n", version_text(), version_libuv(), version_mbedtls(),
           version_llhttp());
    return EXIT_GOOD;
}

/* As many descriptors as the system allows: each client and each upstream socket is one. */
static void raise_limits(void)
{
    struct rlimit rl;

    if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
        rl.rlim_cur = rl.rlim_max;
        setrlimit(RLIMIT_NOFILE, &rl);
    }
    /* Large answers come and go: keep them out of the heap, so that their memory goes back at once. */
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    mallopt(M_TRIM_THRESHOLD, LARGE_BYTES);
    signal(SIGPIPE, SIG_IGN);
}

static int load(struct config **out, const struct options *o)
{
    const char *file = o->config ? o->config : "endpoints.json";
    struct buf report;
    int r;

    buf_init(&report, REPORT_MAX);
    r = config_load(out, file, &report);
    if (report.n)
        fwrite(report.p, 1, report.n, stderr);
    buf_deinit(&report);
    return r;
}

/* Options win over the file. */
static int override(struct config *c, const struct options *o, const char *const listen[1], const char *const admin[1])
{
    if (o->listen) {
        c->listen = listen;
        c->n_listen = 1;
    }
    if (o->admin) {
        c->admin = admin;
        c->n_admin = 1;
    }
    return o->log_level ? log_level_parse(o->log_level, &c->log_level) : 0;
}

static void announce(const struct gateway *g)
{
    const char *a;

    for (unsigned i = 0; (a = gateway_address(g, i)); i++)
        fprintf(stderr, "listening on %s\n", a);
    for (unsigned i = 0; (a = gateway_admin_address(g, i)); i++)
        fprintf(stderr, "admin on %s\n", a);
}

static int run_with(struct config *c, const struct options *o, struct demo *demo)
{
    const char *listen[] = {o->listen}, *admin[] = {o->admin};
    struct config copy = *c;
    struct gateway *g = NULL;
    int r;

    if (override(&copy, o, listen, admin))
        return bad_usage("unknown log level", o->log_level);
    log_setup(copy.log_level, copy.log_format);
    if (gateway_new(&g, &copy) < 0)
        return EXIT_FAILED;
    announce(g);
    if (demo)
        demo_announce(demo, gateway_address(g, 0), gateway_admin_address(g, 0));
    fflush(NULL);
    r = gateway_run(g);
    gateway_free(g);
    if (r == GATEWAY_STUCK) {
        fflush(NULL);
        _exit(EXIT_GOOD); /* exit() would wait for libuv's threads */
    }
    return r < 0 ? EXIT_FAILED : EXIT_GOOD;
}

static int command_run(const struct options *o)
{
    struct config *c;
    int r;

    if (load(&c, o))
        return EXIT_USAGE;
    raise_limits();
    r = run_with(c, o, NULL);
    config_free(c);
    return r;
}

static int command_demo(const struct options *o)
{
    struct buf report;
    struct config *c = NULL;
    struct demo *demo = NULL;
    int r = EXIT_FAILED;

    if (o->config)
        return bad_usage("demo takes no configuration", o->config);
    raise_limits();
    buf_init(&report, REPORT_MAX);
    if (demo_new(&demo) < 0)
        fprintf(stderr, "millrace: the simulated nodes could not be started\n");
    else if (config_parse(&c, demo_config(demo), "demo", &report))
        fprintf(stderr, "%.*s", (int)report.n, report.p);
    else
        r = run_with(c, o, demo);
    config_free(c);
    demo_free(demo);
    buf_deinit(&report);
    return r;
}

static int command_check(const struct options *o)
{
    struct config *c;
    struct buf table;

    if (load(&c, o))
        return EXIT_USAGE;
    buf_init(&table, REPORT_MAX);
    config_print(c, &table);
    fwrite(table.p, 1, table.n, stdout);
    buf_deinit(&table);
    config_free(c);
    return EXIT_GOOD;
}

static int command_status(const struct options *o)
{
    const char *address = o->admin ? o->admin : "127.0.0.1:8546";
    struct config *c = NULL;
    struct buf page;
    unsigned status = 0;
    int r;

    if (!o->admin && o->config) {
        if (load(&c, o))
            return EXIT_USAGE;
        if (c->n_admin)
            address = c->admin[0];
    }
    buf_init(&page, STATUS_MAX);
    r = fetch_get(address, "/status?format=table", STATUS_TIMEOUT_MS, &status, &page);
    if (r < 0)
        fprintf(stderr, "millrace: no status from %s: %s\n", address, strerror(-r));
    else if (status != 200)
        fprintf(stderr, "millrace: %s answered with HTTP status %u\n", address, status);
    else
        fwrite(page.p, 1, page.n, stdout);
    buf_deinit(&page);
    config_free(c);
    return r == 0 && status == 200 ? EXIT_GOOD : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"config", required_argument, NULL, 'c'},
        {"listen", required_argument, NULL, 'l'},
        {"admin", required_argument, NULL, 'a'},
        {"log-level", required_argument, NULL, 'L'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    static const struct {
        const char *name;
        int (*run)(const struct options *o);
    } commands[] = {{"demo", command_demo}, {"check", command_check}, {"status", command_status}};
    struct options o = {0};
    int opt;

    opterr = 0;
    while ((opt = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
        switch (opt) {
        case 'c':
            o.config = optarg;
            break;
        case 'l':
            o.listen = optarg;
            break;
        case 'a':
            o.admin = optarg;
            break;
        case 'L':
            o.log_level = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_GOOD;
        case 'V':
            return print_version();
        default:
            return bad_usage("unknown option, or one without its value", argv[optind - 1]);
        }
    }
    if (o.listen && listener_address_check(o.listen))
        return bad_usage("--listen is no address", o.listen);
    if (o.admin && listener_address_check(o.admin))
        return bad_usage("--admin is no address", o.admin);
    if (argc - optind > 1)
        return bad_usage("too many arguments", argv[optind + 1]);
    if (argc == optind)
        return command_run(&o);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(argv[optind], commands[i].name) == 0)
            return commands[i].run(&o);
    return bad_usage("unknown command", argv[optind]);
}
