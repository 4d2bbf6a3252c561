/* TLS dials against openssl's test server on loopback, with certificates made on the spot.  Skipped where the openssl
 * command is not installed. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mbedtls/version.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "io/dial.h"
#include "io/loop.h"
#include "test.h"

enum { GOT_BYTES = 4 << 20 };

static char dir[64];

struct world {
    struct loop *loop;
    struct dialer *d;
    struct dial *k;
    struct dial_result r;
    unsigned dialled;
    struct stream *s;
    char *got;
    size_t n, want;
    int ends, end_status;
    bool slow; /* stops reading after each piece, starts again next turn */
};

static void on_turn(void *owner)
{
    struct world *w = owner;

    if (w->s && w->slow && !w->ends)
        stream_read_start(w->s);
}

static void on_read(void *owner, char *p, size_t n)
{
    struct world *w = owner;

    CHECK(w->n + n < GOT_BYTES);
    memcpy(w->got + w->n, p, n);
    w->n += n;
    if (w->slow)
        stream_read_stop(w->s);
    if (w->n >= w->want)
        loop_stop(w->loop);
}

static void on_end(void *owner, int status)
{
    struct world *w = owner;

    w->ends++;
    w->end_status = status;
    loop_stop(w->loop);
}

static const struct stream_ops ops = {.on_read = on_read, .on_end = on_end};

static void on_dialled(void *owner, struct dial_result *r)
{
    struct world *w = owner;

    w->k = NULL;
    w->r = *r;
    w->dialled++;
    w->s = r->stream;
    if (w->s)
        stream_own(w->s, &ops, w);
    loop_stop(w->loop);
}

static void world_start(struct world *w)
{
    static const struct loop_ops loop_ops = {on_turn};

    memset(w, 0, sizeof *w);
    w->got = malloc(GOT_BYTES);
    CHECK_EQ(loop_new(&w->loop, &loop_ops, w), 0);
    w->d = dialer_new(w->loop);
}

static void world_end(struct world *w)
{
    w->s = stream_close(w->s);
    dialer_free(w->d);
    loop_finish(w->loop);
    loop_run(w->loop);
    CHECK_EQ(uv_loop_alive(loop_uv(w->loop)), 0);
    loop_free(w->loop);
    free(w->got);
}

static void dial_tls(struct world *w, struct tls *tls, const char *host, int port, unsigned timeout_ms)
{
    struct dial_target t = {.host = host,
                            .port = (uint16_t)port,
                            .family = DIAL_V4,
                            .dns_ttl_ms = 60000,
                            .tls = tls,
                            .timeout_ms = timeout_ms};

    w->s = stream_close(w->s);
    w->n = 0;
    w->ends = 0;
    w->k = dial_start(w->d, &t, on_dialled, w);
    loop_run(w->loop);
}

static bool run(const char *fmt, ...)
{
    char cmd[1024], full[1200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(cmd, sizeof cmd, fmt, ap);
    va_end(ap);
    snprintf(full, sizeof full, "cd %s && { %s; } >>log 2>&1", dir, cmd);
    return system(full) == 0;
}

static bool make_leaf(const char *name, const char *subject, const char *san, const char *options)
{
    return run(strcmp(name, "rsa") == 0 ? "openssl genrsa -out %s.key 2048"
                                        : "openssl ecparam -name prime256v1 -genkey -noout -out %s.key",
               name) &&
           run("openssl req -new -key %s.key -subj '%s' -out %s.csr", name, subject, name) &&
           run("printf 'subjectAltName=%s\\nextendedKeyUsage=serverAuth,clientAuth\\n' >%s.ext", san, name) &&
           run("openssl x509 -req -in %s.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile %s.ext %s -out %s.crt",
               name, name, options, name);
}

static void clean_up(void)
{
    DIR *d = opendir(dir);
    struct dirent *e;

    while (d && (e = readdir(d)) != NULL)
        if (e->d_name[0] != '.')
            unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    rmdir(dir);
}

/* Once for all tests; false: no openssl here. */
static bool certificates(void)
{
    static int made = -1;

    if (made >= 0)
        return made;
    snprintf(dir, sizeof dir, "/tmp/millrace-tls-XXXXXX");
    CHECK(mkdtemp(dir) != NULL);
    atexit(clean_up);
    made = run("openssl version");
    if (!made) {
        printf("# SKIP: no openssl command\n");
        return false;
    }
    made =
        run("openssl ecparam -name prime256v1 -genkey -noout -out ca.key") &&
        run("openssl req -x509 -new -key ca.key -subj /CN=test-ca -days 30 -out ca.crt") &&
        run("openssl ecparam -name prime256v1 -genkey -noout -out other.key") &&
        run("openssl req -x509 -new -key other.key -subj /CN=other-ca -days 30 -out other.crt") &&
        make_leaf("good", "/CN=node", "DNS:localhost,IP:127.0.0.1", "-days 5") &&
        make_leaf("rsa", "/CN=node", "DNS:localhost", "-days 5") &&
        make_leaf("wrong", "/CN=localhost", "DNS:elsewhere.example,IP:127.0.0.9", "-days 5") &&
        (make_leaf("expired", "/CN=node", "DNS:localhost", "-days -1") ||
         /* from 3.4 on openssl refuses that, but takes dates */
         make_leaf("expired", "/CN=node", "DNS:localhost", "-not_before 20200101000000Z -not_after 20200201000000Z")) &&
        make_leaf("client", "/CN=client", "DNS:client", "-days 5") && run("touch empty.pem");
    CHECK(made);
    return made;
}

static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    close(fd);
    return ntohs(a.sin_port);
}

struct server {
    pid_t pid;
    int port;
};

/* `openssl s_server` with these options; ready when it accepts. */
static struct server server_start(const char *options)
{
    struct server s = {.port = free_port()};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s.port)};

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s.pid = fork();
    if (s.pid == 0) {
        char cmd[512];
        int log;

        if (chdir(dir) != 0)
            _exit(1);
        log = open("server.log", O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(open("/dev/null", O_RDWR), 0);
        dup2(log, 1);
        dup2(log, 2);
        snprintf(cmd, sizeof cmd, "exec openssl s_server -accept 127.0.0.1:%d -quiet %s", s.port, options);
        execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
        _exit(1);
    }
    for (unsigned i = 0; i < 200; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r = connect(fd, (struct sockaddr *)&a, sizeof a);

        close(fd);
        if (r == 0)
            return s;
        usleep(20000);
    }
    CHECK(!"the server did not start");
    return s;
}

static void server_stop(struct server s)
{
    kill(s.pid, SIGKILL);
    waitpid(s.pid, NULL, 0);
}

/* Paths are relative to the folder of the certificates. */
static struct tls *client(const char *ca, const char *name, const char *cert, bool verify)
{
    char ca_path[128], cert_path[128] = "", key_path[128] = "", err[256] = "";
    struct tls_conf conf = {
        .verify = verify, .ca_file = ca_path, .server_name = name, .client_cert = cert_path, .client_key = key_path};
    struct tls *t = NULL;

    snprintf(ca_path, sizeof ca_path, "%s/%s", dir, ca);
    if (cert) {
        snprintf(cert_path, sizeof cert_path, "%s/%s.crt", dir, cert);
        snprintf(key_path, sizeof key_path, "%s/%s.key", dir, cert);
    }
    CHECK_EQ(tls_new(&t, &conf, "localhost", err, sizeof err), 0);
    CHECK_STR(slice_str(err), "");
    return t;
}

static struct slice http_get(struct world *w)
{
    /* Many small chunks on purpose. */
    const struct chunk v[] = {
        {SLICE("GET "), NULL}, {SLICE("/ "), NULL}, {SLICE("HTTP/1.0\r\n"), NULL}, {SLICE("\r\n"), NULL}};

    w->want = GOT_BYTES;
    if (stream_write(w->s, v, 4) != 0)
        return SLICE("(not written)");
    CHECK_EQ(stream_read_start(w->s), 0);
    loop_run(w->loop);
    return slice_of(w->got, w->n < 15 ? w->n : 15);
}

static double cpu_us(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* With a certificate of RSA; the servers are of the kinds that TLS 1.2 has: going by the client's order, and by their
 * own.  The latter may take a second dial (see tls_priv.h). */
static void rsa_server(const char *options, bool may_learn)
{
    struct server s = server_start(options);
    struct tls *t = client("ca.crt", "", NULL, true);
    struct world w;

    world_start(&w);
    dial_tls(&w, t, "localhost", s.port, 5000);
    if (may_learn && w.r.status)
        dial_tls(&w, t, "localhost", s.port, 5000);
    CHECK_EQ(w.r.status, 0);
    CHECK_STR(slice_str(w.r.text), "");
    if (w.s)
        CHECK_STR(http_get(&w), "HTTP/1.0 200 ok");
    world_end(&w);
    tls_free(t);
    server_stop(s);
}

/* Long enough for a server's tickets to come: they may not keep the stream from writing. */
static void lie_idle(struct world *w)
{
    CHECK_EQ(stream_read_start(w->s), 0);
    for (unsigned turn = 0; turn < 50; turn++)
        uv_run(loop_uv(w->loop), UV_RUN_NOWAIT), usleep(1000);
}

static void full_then_resumed(const char *server_options, const char *version)
{
    struct server s = server_start(server_options);
    struct tls *t = client("ca.crt", "", NULL, true);
    struct world w;
    double cpu[4];

    world_start(&w);
    for (unsigned i = 0; i < 4; i++) {
        cpu[i] = cpu_us();
        dial_tls(&w, t, "localhost", s.port, 5000);
        cpu[i] = cpu_us() - cpu[i];
        CHECK_EQ(w.r.status, 0);
        CHECK_STR(slice_str(w.r.text), "");
        if (!w.s)
            break;
        CHECK_STR(slice_str(stream_tls_version(w.s)), version);
        CHECK_EQ(w.r.tls_resumed, i > 0);
        CHECK_EQ(stream_tls_resumed(w.s), i > 0);
        CHECK(w.r.tls_us > 0);
        if (i == 2)
            lie_idle(&w);
        CHECK_STR(http_get(&w), "HTTP/1.0 200 ok");
        CHECK_EQ(w.ends, 1);
    }
    printf("# %s: CPU of a dial: full %.0f us, resumed %.0f %.0f %.0f us\n", version, cpu[0], cpu[1], cpu[2], cpu[3]);
    world_end(&w);
    tls_free(t);
    server_stop(s);
}

TEST(full_then_resumed_tls12)
{
    if (certificates())
        full_then_resumed("-www -tls1_2 -cert good.crt -key good.key", "TLSv1.2");
}

TEST(full_then_resumed_tls13)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    if (certificates())
        full_then_resumed("-www -cert good.crt -key good.key", "TLSv1.3");
#else
    printf("# SKIP: mbedTLS 2.28 has no TLS 1.3\n");
#endif
}

/* Another server, other ticket keys: the offer is refused, and a full handshake follows. */
TEST(refused_session)
{
    struct server s;
    struct tls *t;
    struct world w;

    if (!certificates())
        return;
    t = client("ca.crt", "", NULL, true);
    world_start(&w);
    for (unsigned i = 0; i < 2; i++) {
        s = server_start("-www -cert good.crt -key good.key");
        dial_tls(&w, t, "localhost", s.port, 5000);
        CHECK_EQ(w.r.status, 0);
        CHECK(!w.r.tls_resumed);
        if (w.s)
            CHECK_STR(http_get(&w), "HTTP/1.0 200 ok");
        server_stop(s);
    }
    world_end(&w);
    tls_free(t);
}

enum { CROWD = 24 };

struct crowd {
    struct loop *loop;
    unsigned n, good;
};

static void on_one_of_many(void *owner, struct dial_result *r)
{
    struct crowd *c = owner;

    c->good += r->status == 0;
    stream_close(r->stream); /* s_server takes one connection at a time */
    if (++c->n == CROWD)
        loop_stop(c->loop);
}

/* Handshakes of several endpoints at once: they share one CA bundle, and the pool's threads. */
TEST(many_at_once)
{
    struct server s;
    struct tls *t[3];
    struct crowd c = {0};
    struct world w;

    if (!certificates())
        return;
    s = server_start("-www -cert good.crt -key good.key");
    world_start(&w);
    c.loop = w.loop;
    for (unsigned i = 0; i < 3; i++)
        t[i] = client("ca.crt", "", NULL, true);
    for (unsigned i = 0; i < CROWD; i++) {
        struct dial_target target = {
            .host = "127.0.0.1", .port = (uint16_t)s.port, .tls = t[i % 3], .timeout_ms = 8000};

        dial_start(w.d, &target, on_one_of_many, &c);
    }
    loop_run(w.loop);
    CHECK_EQ(c.good, CROWD);
    for (unsigned i = 0; i < 3; i++)
        tls_free(t[i]);
    world_end(&w);
    server_stop(s);
}

TEST(rsa_certificates)
{
    if (!certificates())
        return;
    rsa_server("-www -tls1_2 -cert rsa.crt -key rsa.key", false);
    rsa_server("-www -tls1_2 -serverpref -cert rsa.crt -key rsa.key", true);
    rsa_server("-www -serverpref -cert rsa.crt -key rsa.key", false);
}

TEST(failures_say_why)
{
    static const struct {
        const char *options, *ca, *name;
        bool verify;
        const char *text;
    } rows[] = {
        {"-www -cert good.crt -key good.key", "ca.crt", "", true, ""},
        {"-www -cert good.crt -key good.key", "ca.crt", "127.0.0.1", true, ""},
        {"-www -cert good.crt -key good.key", "ca.crt", "127.0.0.2", true, "certificate is not for 127.0.0.2"},
        {"-www -cert good.crt -key good.key", "ca.crt", "[::1]", true, "certificate is not for ::1"},
        {"-www -cert good.crt -key good.key", "ca.crt", "node", true, "certificate is not for node"},
        {"-www -cert good.crt -key good.key", "ca.crt", "localhost.", true, ""},
        {"-www -cert good.crt -key good.key", "other.crt", "", true, "certificate is not signed by a known authority"},
        {"-www -cert wrong.crt -key wrong.key", "ca.crt", "", true, "certificate is not for localhost"},
        {"-www -cert expired.crt -key expired.key", "ca.crt", "", true, "certificate has expired"},
        {"-www -cert expired.crt -key expired.key", "other.crt", "elsewhere", true,
         "certificate has expired; certificate is not for elsewhere; certificate is not signed by a known authority"},
        {"-www -cert expired.crt -key expired.key", "other.crt", "elsewhere", false, ""},
        {"-www -cert wrong.crt -key wrong.key", "none", "127.0.0.1", false, ""},
        {"-www -tls1_1 -cipher ALL:@SECLEVEL=0 -cert good.crt -key good.key", "ca.crt", "", true,
         "no protocol version"},
    };

    if (!certificates())
        return;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct server s = server_start(rows[i].options);
        struct tls *t = client(rows[i].ca, rows[i].name, NULL, rows[i].verify);
        struct world w;

        world_start(&w);
        dial_tls(&w, t, "127.0.0.1", s.port, 5000);
        if (strcmp(rows[i].text, "no protocol version") == 0) {
            printf("# %s\n", w.r.text);
            CHECK(w.r.status < 0);
            CHECK(w.r.text[0] != '\0');
        } else {
            CHECK_STR(slice_str(w.r.text), rows[i].text);
            CHECK_EQ(w.r.status == 0, rows[i].text[0] == '\0');
        }
        if (w.r.status)
            CHECK_EQ(w.r.phase, DIAL_TLS);
        world_end(&w);
        tls_free(t);
        server_stop(s);
    }
}

TEST(client_certificate)
{
    struct server s;
    struct world w;
    struct tls *t;

    if (!certificates())
        return;
    s = server_start("-www -tls1_2 -cert good.crt -key good.key -CAfile ca.crt -Verify 1 -verify_return_error");
    world_start(&w);
    t = client("ca.crt", "", "client", true);
    dial_tls(&w, t, "localhost", s.port, 5000);
    CHECK_EQ(w.r.status, 0);
    CHECK_STR(slice_str(w.r.text), "");
    if (w.s)
        CHECK_STR(http_get(&w), "HTTP/1.0 200 ok");
    tls_free(t);
    t = client("ca.crt", "", NULL, true);
    dial_tls(&w, t, "localhost", s.port, 5000);
    CHECK(w.r.status < 0);
    CHECK_STR(slice_of(w.r.text, 28), "server refused the handshake");
    printf("# %s\n", w.r.text);
    world_end(&w);
    tls_free(t);
    server_stop(s);
}

TEST(large_transfer_in_both_directions)
{
    struct server s;
    struct world w;
    struct tls *t;
    size_t n = 1 << 20;
    char *big;

    if (!certificates())
        return;
    big = malloc(n);
    for (size_t i = 0; i < n; i++)
        big[i] = i % 64 == 63 ? '\n' : 'a';
    /* -rev answers each line backwards */
    s = server_start("-rev -cert good.crt -key good.key");
    t = client("ca.crt", "", NULL, true);
    world_start(&w);
    dial_tls(&w, t, "localhost", s.port, 5000);
    CHECK_EQ(w.r.status, 0);
    if (w.s) {
        struct blob *b = blob_copy(slice_of(big, n));
        const struct chunk v[] = {{slice_of(big, 64), NULL}, {slice_of(b->p, n), b}, {slice_of(big, 64), NULL}};

        w.slow = true;
        w.want = n + 128;

        CHECK_EQ(stream_read_start(w.s), 0);
        CHECK_EQ(stream_write(w.s, v, 3), 0);
        loop_run(w.loop);
        CHECK_EQ(w.n, n + 128);
        CHECK_EQ(w.end_status, 0);
        CHECK(memcmp(w.got, big, w.n < n ? w.n : n) == 0);
        CHECK_EQ(w.ends, 0);
        CHECK_EQ(stream_queued_bytes(w.s), 0);
        CHECK_EQ(b->refs, 1);
        blob_unref(b);
    }
    world_end(&w);
    tls_free(t);
    server_stop(s);
    free(big);
}

/* The server is killed: no close_notify, so what came may be cut short. */
TEST(end_without_close_notify)
{
    struct server s;
    struct world w;
    struct tls *t;

    if (!certificates())
        return;
    s = server_start("-rev -cert good.crt -key good.key");
    t = client("ca.crt", "", NULL, true);
    world_start(&w);
    dial_tls(&w, t, "localhost", s.port, 5000);
    CHECK_EQ(w.r.status, 0);
    server_stop(s);
    if (w.s) {
        CHECK_EQ(stream_read_start(w.s), 0);
        loop_run(w.loop);
        CHECK_EQ(w.ends, 1);
        CHECK_EQ(w.end_status, UV_ECONNRESET);
    }
    world_end(&w);
    tls_free(t);
}

/* Someone who accepts and never speaks, someone who speaks something else, someone who closes. */
TEST(handshakes_that_go_nowhere)
{
    static const struct {
        const char *says;
        bool closes;
        int status;
        const char *text;
    } rows[] = {
        {"", false, UV_ETIMEDOUT, "TLS handshake timed out"},
        {"HTTP/1.1 400 Bad Request\r\n\r\n", false, UV_EPROTO, NULL},
        {"", true, UV_ECONNRESET, "server closed the connection during the TLS handshake"},
        {"\x15\x03\x03\x00\x02\x02\x28", true, UV_EPROTO,
         "server refused the handshake: no cipher or parameter in common, or a client certificate is wanted"},
    };

    if (!certificates())
        return;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET};
        socklen_t len = sizeof a;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        pid_t pid;
        struct tls *t = client("ca.crt", "", NULL, true);
        struct world w;

        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
        CHECK_EQ(listen(fd, 8), 0);
        getsockname(fd, (struct sockaddr *)&a, &len);
        pid = fork();
        if (pid == 0) {
            char hello[4096];
            int c = accept(fd, NULL, NULL);

            if (recv(c, hello, sizeof hello, 0) <= 0 || send(c, rows[i].says, i == 3 ? 7 : strlen(rows[i].says), 0) < 0)
                _exit(1);
            if (rows[i].closes)
                close(c);
            sleep(20);
            _exit(0);
        }
        world_start(&w);
        dial_tls(&w, t, "127.0.0.1", ntohs(a.sin_port), 300);
        CHECK_EQ(w.r.status, rows[i].status);
        if (rows[i].text)
            CHECK_STR(slice_str(w.r.text), rows[i].text);
        else
            printf("# %s\n", w.r.text);
        CHECK_EQ(w.r.phase, DIAL_TLS);
        world_end(&w);
        tls_free(t);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(fd);
    }
}

/* At whatever moment: the endpoint may go at once, though a step may still compute. */
TEST(cancel_at_any_time)
{
    struct server s;

    if (!certificates())
        return;
    s = server_start("-www -cert good.crt -key good.key");
    for (unsigned i = 0; i < 12; i++) {
        struct tls *t = client("ca.crt", "", NULL, true);
        struct dial_target target = {.host = "127.0.0.1", .port = (uint16_t)s.port, .tls = t, .timeout_ms = 5000};
        struct world w;

        world_start(&w);
        w.k = dial_start(w.d, &target, on_dialled, &w);
        for (unsigned turn = 0; turn < i; turn++)
            uv_run(loop_uv(w.loop), UV_RUN_NOWAIT), usleep(turn * 50);
        w.k = dial_cancel(w.k);
        w.s = stream_close(w.s);
        tls_free(t);
        world_end(&w);
    }
    server_stop(s);
}

TEST(files_that_cannot_be_used)
{
    char path[128], key[128], err[256], want[300];
    struct tls *t = NULL;
    struct tls_conf conf = {.verify = true, .ca_file = path, .server_name = "", .client_cert = "", .client_key = ""};

    if (!certificates())
        return;
    snprintf(path, sizeof path, "%s/none.pem", dir);
    CHECK_EQ(tls_new(&t, &conf, "h", err, sizeof err), -ENOENT);
    snprintf(want, sizeof want, "CA bundle %s: No such file or directory", path);
    CHECK_STR(slice_str(err), want);

    snprintf(path, sizeof path, "%s/empty.pem", dir);
    CHECK(tls_new(&t, &conf, "h", err, sizeof err) < 0);
    printf("# %s\n", err);

    snprintf(path, sizeof path, "%s/ca.crt", dir);
    conf.client_cert = path;
    CHECK_EQ(tls_new(&t, &conf, "h", err, sizeof err), -EINVAL);
    CHECK_STR(slice_str(err), "client_cert and client_key go together");

    snprintf(key, sizeof key, "%s/other.key", dir);
    conf.client_key = key;
    CHECK_EQ(tls_new(&t, &conf, "h", err, sizeof err), -EINVAL);
    snprintf(want, sizeof want, "client_key %s is not the key of client_cert %s", key, path);
    CHECK_STR(slice_str(err), want);

    conf.client_key = path;
    CHECK(tls_new(&t, &conf, "h", err, sizeof err) < 0);
    printf("# %s\n", err);
}

TEST_MAIN()
