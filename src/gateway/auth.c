#include "gateway/auth.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "gateway/chain.h"
#include "gateway/hedge_lane.h"
#include "gateway/route.h"
#include "gateway/route_move.h"
#include "gateway/worker.h"
#include "io/file.h"
#include "io/hmac.h"
#include "io/loop.h"
#include "io/run.h"
#include "io/watch.h"
#include "upstream/credential.h"
#include "upstream/jwt.h"

enum {
    SETTLE_MS = 50,  /* after a change in the folder: who writes a file in place is done by then */
    POLL_MS = 3000,  /* what the watch does not hear of */
    SIGN_MS = 20000, /* age of a signed token: a node takes an iat within 60 s of its clock */
    MAX_REPEATS = 8, /* of one flight */
    WORD_MIN = 16    /* what a command says on standard error: longer words with a digit may be keys */
};

struct auth {
    struct upstream *upstream;
    const struct auth_conf *conf;
    struct credential credential; /* of a JWT: its secret */
    struct watch *watch;
    struct run *run;
    struct loop_timer timer;
    struct file_stamp seen;
    uint64_t look_ms, poll_ms, sign_ms; /* UINT64_MAX: not wanted */
    bool doubted;                       /* the one before was refused: it waits for what the look gives */
    char why[160];                      /* of the last failure */
};

static struct worker *worker_of(const struct auth *a)
{
    return a->upstream->worker;
}

static uint64_t now_ms(const struct auth *a)
{
    return worker_now_ms(worker_of(a));
}

static int64_t wall_s(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec;
}

static const char *file_of(const struct auth *a)
{
    return a->conf->kind == AUTH_BEARER_FILE       ? a->conf->bearer_file
           : a->conf->kind == AUTH_JWT_SECRET_FILE ? a->conf->jwt_secret_file
                                                   : NULL;
}

static uint64_t least(uint64_t x, uint64_t y)
{
    return x < y ? x : y;
}

static void arm(struct auth *a)
{
    uint64_t at_ms = least(least(a->look_ms, a->poll_ms), a->sign_ms);

    if (!a->run)
        at_ms = least(at_ms, a->credential.due_ms);
    if (at_ms != UINT64_MAX)
        loop_timer_set(worker_of(a)->loop, &a->timer, at_ms);
}

/* Into the head of requests; of a secret, a token signed with it. */
static void put_in_force(struct auth *a)
{
    struct slice token = slice_of(a->credential.token, a->credential.token_n);
    uint8_t secret[JWT_SECRET_BYTES], mac[32];
    char text[JWT_TEXT_CAP];

    if (a->conf->kind == AUTH_JWT_SECRET_FILE) {
        size_t n = jwt_write(text, wall_s());

        if (jwt_secret(token, secret) == 0 &&
            hmac_sha256(mac, slice_of((char *)secret, sizeof secret), slice_of(text, n)) == 0)
            token = slice_of(text, jwt_sign(text, n, mac));
        explicit_bzero(secret, sizeof secret);
        a->sign_ms = now_ms(a) + SIGN_MS;
    }
    if (endpoint_authorize(&a->upstream->endpoint, token, a->credential.generation))
        log_event(LOG_ERROR, "credential_too_long", LOG_S("endpoint", a->upstream->endpoint.conf->name));
    explicit_bzero(text, sizeof text);
}

static void replaced(struct auth *a)
{
    struct upstream *u = a->upstream;

    a->why[0] = '\0';
    a->doubted = false;
    put_in_force(a);
    worker_of(a)->stats.credential_rotations += a->credential.generation > 1;
    if (a->credential.exp_s == INT64_MAX)
        log_event(LOG_INFO, "credential_new", LOG_S("chain", u->chain->conf->name),
                  LOG_S("endpoint", u->endpoint.conf->name), LOG_U("generation", a->credential.generation));
    else
        log_event(LOG_INFO, "credential_new", LOG_S("chain", u->chain->conf->name),
                  LOG_S("endpoint", u->endpoint.conf->name), LOG_U("generation", a->credential.generation),
                  LOG_I("expires_in_s", a->credential.exp_s - wall_s()));
    upstream_reauthorized(u);
}

/* The look gave no other one: what was refused may do after all. */
static void restore(struct auth *a)
{
    struct upstream *u = a->upstream;

    if (!a->doubted)
        return;
    a->doubted = false;
    if (!credential_holds(&a->credential, wall_s()))
        return;
    put_in_force(a);
    upstream_mark(u);
}

/* The look gave nothing.  The one before is used on, as long as it holds. */
static void failed(struct auth *a, const char *why)
{
    struct upstream *u = a->upstream;

    restore(a);
    snprintf(a->why, sizeof a->why, "%s", why);
    worker_of(a)->stats.credential_failures++;
    log_event(LOG_WARN, "credential_failed", LOG_S("chain", u->chain->conf->name),
              LOG_S("endpoint", u->endpoint.conf->name), LOG_S("why", a->why),
              LOG_U("failures", a->credential.failures),
              LOG_S("meanwhile", u->endpoint.head ? "the one before" : "none"));
    upstream_mark(u);
}

static void take(struct auth *a, struct slice printed)
{
    const char *source = file_of(a) ? "the file" : "what the command printed";
    uint8_t secret[JWT_SECRET_BYTES];
    char why[128];
    int r;

    if (a->conf->kind == AUTH_JWT_SECRET_FILE && jwt_secret(printed, secret)) {
        credential_failed(&a->credential, now_ms(a));
        failed(a, "the file must hold 64 hexadecimal digits");
        return;
    }
    r = credential_take(&a->credential, printed, now_ms(a), wall_s());
    if (r == CREDENTIAL_NEW) {
        replaced(a);
    } else if (r == CREDENTIAL_SAME) {
        if (a->doubted)
            restore(a);
        else if (!a->upstream->endpoint.head) /* it had expired by a clock that was set back since */
            replaced(a);
    } else {
        snprintf(why, sizeof why, "%s: %s", source, credential_reason(r));
        failed(a, why);
    }
}

static void read_file(struct auth *a)
{
    char why[128];
    struct buf b;
    int r;

    buf_init(&b, CREDENTIAL_MAX_BYTES);
    file_stamp(&a->seen, file_of(a));
    r = file_read(file_of(a), &b);
    if (r == 0) {
        take(a, buf_get(&b));
    } else {
        credential_failed(&a->credential, now_ms(a));
        snprintf(why, sizeof why, "the file cannot be read: %s", r < 0 ? strerror(-r) : "it is too long");
        failed(a, why);
    }
    if (b.p)
        explicit_bzero(b.p, b.cap);
    buf_deinit(&b);
}

static bool has_digit(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (isdigit((unsigned char)s.p[i]))
            return true;
    return false;
}

/* Values of the environment that may be keys: not words, numbers of few digits, or paths. */
static void star_environment(struct slice text)
{
    for (char **e = environ; e && *e; e++) {
        struct slice value = slice_str(strchr(*e, '='));

        if (value.n > SECRETS_MIN && has_digit(value) && !memchr(value.p, '/', value.n))
            secrets_star(text, slice_of(value.p + 1, value.n - 1));
    }
}

/* Words that may be keys. */
static void star_words(struct slice text)
{
    for (size_t i = 0, n; i < text.n; i += n + 1) {
        for (n = 0; i + n < text.n && (isalnum((unsigned char)text.p[i + n]) || strchr("-_.~+=", text.p[i + n])); n++) {
        }
        if (n >= WORD_MIN && has_digit(slice_of(text.p + i, n)))
            memset((char *)text.p + i, '*', n);
    }
}

/* What a command that failed said on standard error, for the log: nothing in it may be a secret.  What it printed, its
 * arguments and its environment are known; of the rest any word that may be a key goes. */
static void log_said(struct auth *a, const struct run_result *r)
{
    struct slice said = r->said, token;

    if (said.n == 0 || !log_wants(LOG_WARN))
        return;
    if (credential_token(r->out, &token) == 0)
        secrets_star(said, token);
    for (size_t i = 1; i < a->conf->n_bearer_command; i++)
        secrets_star(said, slice_str(a->conf->bearer_command[i]));
    star_environment(said);
    endpoint_scrub(&a->upstream->endpoint, said);
    star_words(said);
    while (said.n && isspace((unsigned char)said.p[said.n - 1]))
        said.n--;
    log_event(LOG_WARN, "credential_command_said", LOG_S("endpoint", a->upstream->endpoint.conf->name),
              LOG_SL("text", said));
}

static void on_run(void *owner, const struct run_result *r)
{
    struct auth *a = owner;
    char why[128] = "";

    a->run = NULL;
    if (r->status < 0)
        snprintf(why, sizeof why, "the command cannot be run: %s", strerror(-r->status));
    else if (r->too_late)
        snprintf(why, sizeof why, "the command took longer than %llu ms and was killed",
                 (unsigned long long)a->conf->command_timeout_ms);
    else if (r->too_long)
        snprintf(why, sizeof why, "the command printed more than %d bytes and was killed", CREDENTIAL_MAX_BYTES);
    else if (r->signal)
        snprintf(why, sizeof why, "the command was ended by signal %d", r->signal);
    else if (r->exit_code)
        snprintf(why, sizeof why, "the command ended with exit code %lld", (long long)r->exit_code);
    if (*why) {
        log_said(a, r);
        credential_failed(&a->credential, now_ms(a));
        failed(a, why);
    } else {
        take(a, r->out);
    }
    arm(a);
}

static void look(struct auth *a)
{
    a->look_ms = UINT64_MAX;
    if (file_of(a))
        read_file(a);
    else if (!a->run)
        a->run = run_start(worker_of(a)->loop, a->conf->bearer_command, a->conf->n_bearer_command, CREDENTIAL_MAX_BYTES,
                           a->conf->command_timeout_ms, on_run, a);
}

static void on_change(void *owner)
{
    struct auth *a = owner;

    if (a->look_ms == UINT64_MAX)
        a->look_ms = now_ms(a) + SETTLE_MS;
    arm(a);
}

static void on_timer(struct loop_timer *t)
{
    struct auth *a = container_of(t, struct auth, timer);
    struct endpoint *e = &a->upstream->endpoint;
    uint64_t now = now_ms(a);
    bool changed = false;

    if (now >= a->poll_ms) {
        struct file_stamp s;

        file_stamp(&s, file_of(a));
        changed = !file_stamp_eq(&s, &a->seen);
        a->poll_ms = now + POLL_MS;
    }
    if (changed || now >= a->look_ms || (now >= a->credential.due_ms && !a->run))
        look(a);
    if (e->head && !credential_holds(&a->credential, wall_s())) {
        log_event(LOG_WARN, "credential_expired", LOG_S("chain", a->upstream->chain->conf->name),
                  LOG_S("endpoint", e->conf->name));
        if (!*a->why)
            snprintf(a->why, sizeof a->why, "the token has expired");
        endpoint_authorize(e, slice_of(NULL, 0), e->generation);
        upstream_reauthorized(a->upstream);
    }
    if (now >= a->sign_ms && e->head)
        put_in_force(a);
    arm(a);
}

struct auth *auth_new(struct upstream *u)
{
    const struct auth_conf *conf = &u->endpoint.conf->auth;
    struct auth *a;

    if (conf->kind != AUTH_BEARER_FILE && conf->kind != AUTH_BEARER_COMMAND && conf->kind != AUTH_JWT_SECRET_FILE)
        return NULL;
    a = mem_zero(sizeof *a);
    a->upstream = u;
    a->conf = conf;
    a->timer.fire = on_timer;
    a->look_ms = a->poll_ms = a->sign_ms = UINT64_MAX;
    snprintf(a->why, sizeof a->why, "the first token is awaited");
    credential_init(&a->credential, conf->kind == AUTH_BEARER_COMMAND);
    return a;
}

void auth_start(struct auth *a)
{
    int r;

    if (!a)
        return;
    if (file_of(a)) {
        r = watch_new(&a->watch, worker_of(a)->loop, file_of(a), on_change, a);
        if (r < 0)
            log_event(LOG_WARN, "credential_not_watched", LOG_S("endpoint", a->upstream->endpoint.conf->name),
                      LOG_S("why", strerror(-r)), LOG_U("looked_at_every_ms", POLL_MS));
        a->poll_ms = now_ms(a) + POLL_MS;
    }
    auth_look(a);
}

void auth_look(struct auth *a)
{
    if (!a)
        return;
    look(a);
    arm(a);
}

void auth_close(struct auth *a)
{
    if (!a)
        return;
    loop_timer_clear(worker_of(a)->loop, &a->timer);
    a->watch = watch_close(a->watch);
    a->run = run_cancel(a->run);
}

struct auth *auth_free(struct auth *a)
{
    if (a) {
        auth_close(a);
        credential_deinit(&a->credential);
        free(a);
    }
    return NULL;
}

bool auth_failed(const struct auth *a)
{
    return a && !a->upstream->endpoint.head && !a->doubted && (a->credential.failures || a->credential.generation);
}

const char *auth_why(const struct auth *a)
{
    return a->why;
}

const char *auth_state(const struct auth *a)
{
    return a->upstream->endpoint.head ? "ok" : auth_failed(a) ? "failed" : "waiting";
}

int64_t auth_left_s(const struct auth *a)
{
    return a->credential.exp_s == INT64_MAX ? INT64_MAX : a->credential.exp_s - wall_s();
}

static bool has_changed(const struct auth *a)
{
    struct file_stamp s;

    if (!file_of(a))
        return false;
    file_stamp(&s, file_of(a));
    return !file_stamp_eq(&s, &a->seen);
}

/* It is not used before it is known whether there is another one: that would be refused too, call by call. */
static void doubt(struct auth *a)
{
    struct upstream *u = a->upstream;

    if (a->doubted || !u->endpoint.head)
        return;
    a->doubted = true;
    snprintf(a->why, sizeof a->why, "the endpoint refused it, and the next one is awaited");
    endpoint_authorize(&u->endpoint, slice_of(NULL, 0), u->endpoint.generation);
    upstream_offer_waiting(u);
}

bool auth_refused(struct auth *a, uint64_t generation)
{
    const struct endpoint *e = &a->upstream->endpoint;
    bool fresh = false, changed = generation == e->generation && has_changed(a);

    if (generation == e->generation && !a->run && (changed || credential_refused(&a->credential, now_ms(a)))) {
        uint64_t settles_ms = a->look_ms;

        look(a);
        if (changed && settles_ms == UINT64_MAX)
            settles_ms = now_ms(a) + SETTLE_MS; /* what is being written now may be whole then */
        a->look_ms = settles_ms;
        fresh = a->conf->kind == AUTH_JWT_SECRET_FILE && e->head;
        if (fresh)
            put_in_force(a);
        arm(a);
        if (generation == e->generation)
            log_event(LOG_WARN, "credential_refused", LOG_S("chain", a->upstream->chain->conf->name),
                      LOG_S("endpoint", e->conf->name), LOG_U("generation", generation));
    }
    if (generation == e->generation && !fresh && (a->run || a->look_ms != UINT64_MAX))
        doubt(a);
    return a->doubted || (e->head && (fresh || generation != e->generation));
}

static bool queue_again(struct upstream *u, struct flight *f)
{
    if (f->part != FLIGHT_PROBE)
        return upstream_enqueue(u, f, true);
    upstream_enqueue_own(u, f, true);
    return true;
}

void auth_repeat(struct auth *a, struct flight *f, unsigned http_status)
{
    struct worker *w = worker_of(a);

    if (!f->wanted) {
        worker_flight_free(w, f);
        return;
    }
    if (f->part == FLIGHT_HEDGE) { /* it is sent once */
        hedge_lane_failed(w, f, &(struct route_failure){.fail = FAIL_UPSTREAM_HTTP_STATUS});
        return;
    }
    f->moves++;
    if (f->moves <= MAX_REPEATS && queue_again(a->upstream, f)) {
        w->stats.credential_retries++;
        if (a->doubted)
            route_elsewhere_too(f);
        else
            route_reconsider(f);
    } else {
        route_failed(w, f, &(struct route_failure){.fail = FAIL_UPSTREAM_HTTP_STATUS, .http_status = http_status});
    }
}
