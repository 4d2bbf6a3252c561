#include "config/config_auth.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "config/config_check.h"
#include "http/url.h"
#include "upstream/credential.h"
#include "upstream/jwt.h"

static const struct {
    const char *key;
    enum auth_kind kind;
} kinds[] = {
    {"bearer", AUTH_BEARER},
    {"basic", AUTH_BASIC},
    {"header", AUTH_HEADER},
    {"query", AUTH_QUERY},
    {"bearer_file", AUTH_BEARER_FILE},
    {"bearer_command", AUTH_BEARER_COMMAND},
    {"jwt_secret_file", AUTH_JWT_SECRET_FILE},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* Bytes of a small file; (size_t)-1: it cannot be read.  One more than cap: it is longer. */
static size_t read_small(const char *name, char *out, size_t cap)
{
    FILE *f = fopen(name, "re");
    size_t n;

    if (!f)
        return (size_t)-1;
    n = fread(out, 1, cap, f);
    if (ferror(f))
        n = (size_t)-1;
    else if (n == cap && fgetc(f) != EOF)
        n++;
    fclose(f);
    return n;
}

static void file_rules(struct config_walk *w, const struct config_path *at, const char *name, enum auth_kind kind)
{
    char text[CREDENTIAL_MAX_BYTES];
    uint8_t secret[JWT_SECRET_BYTES];
    struct slice token;
    size_t n = *name ? read_small(name, text, sizeof text) : (size_t)-1;
    int r;

    if (n == (size_t)-1)
        return; /* its own check said so */
    if (kind == AUTH_JWT_SECRET_FILE)
        r = jwt_secret(slice_of(text, n <= sizeof text ? n : 0), secret);
    else
        r = n > sizeof text ? CREDENTIAL_TOO_LONG : credential_token(slice_of(text, n), &token);
    if (r)
        config_error(&w->report, at, "%s",
                     kind == AUTH_JWT_SECRET_FILE ? "the file must hold 64 hexadecimal digits" : credential_reason(r));
    explicit_bzero(text, sizeof text);
    explicit_bzero(secret, sizeof secret);
}

/* A program with a folder in its name starts from the configuration's. */
static void command_rules(struct config_walk *w, const struct config_path *at, struct auth_conf *a)
{
    const char **argv = (const char **)a->bearer_command;
    size_t n = strlen(w->folder);
    char *name;

    if (!a->n_bearer_command || !strchr(argv[0], '/'))
        return;
    name = config_arena_get(w->arena, n + strlen(argv[0]) + 1);
    if (*argv[0] != '/')
        memcpy(name, w->folder, n);
    strcat(name, argv[0]);
    argv[0] = name;
    if (access(name, X_OK))
        config_error(&w->report, at, "the program cannot be run: %s", strerror(errno));
}

static void require(struct config_walk *w, const struct config_path *at, const json_t *obj, const char *name)
{
    if (json_is_object(obj) && !json_object_get(obj, name))
        config_error(&w->report, at, "missing key \"%s\"", name);
}

static void field_rules(struct config_walk *w, const struct config_path *at, const json_t *obj,
                        const struct header_conf *f, const char *(*check)(const char *name))
{
    struct config_path name = {at, "name", 0};
    const char *reason = *f->name ? check(f->name) : NULL;

    if (reason)
        config_error(&w->report, &name, "%s", reason);
    require(w, at, obj, "name");
    require(w, at, obj, "value");
}

/* The field that the kind sets must not be set by another key too. */
static void clash_rules(struct config_walk *w, const struct config_path *at, const struct endpoint_conf *e)
{
    const char *field = e->auth.kind == AUTH_HEADER ? e->auth.header.name : "Authorization";
    struct url u;

    if (e->auth.kind == AUTH_QUERY)
        return;
    for (size_t i = 0; i < e->n_headers; i++)
        if (slice_eq_nocase(slice_str(e->headers[i].name), slice_str(field)))
            config_error(&w->report, at, "headers give the field %s already", e->headers[i].name);
    if (!slice_eq_nocase(slice_str(field), SLICE("authorization")) || url_parse(&u, slice_str(e->url)))
        return;
    if (u.userinfo)
        config_error(&w->report, at, "the user and password in the url give the field Authorization already");
    url_deinit(&u);
}

static void kind_rules(struct config_walk *w, const struct config_path *at, const json_t *obj, struct auth_conf *a)
{
    switch (a->kind) {
    case AUTH_BASIC:
        require(w, at, obj, "user");
        break;
    case AUTH_HEADER:
        field_rules(w, at, obj, &a->header, config_check_header_name);
        break;
    case AUTH_QUERY:
        field_rules(w, at, obj, &a->query, config_check_query_name);
        break;
    case AUTH_BEARER_FILE:
        file_rules(w, at, a->bearer_file, a->kind);
        break;
    case AUTH_BEARER_COMMAND:
        command_rules(w, at, a);
        break;
    case AUTH_JWT_SECRET_FILE:
        file_rules(w, at, a->jwt_secret_file, a->kind);
        break;
    case AUTH_NONE:
    case AUTH_BEARER:
        break;
    }
}

void config_auth_rules(struct config_walk *w, const struct config_path *endpoint, const json_t *auth,
                       struct endpoint_conf *e)
{
    struct config_path at = {endpoint, "auth", 0}, key = {&at, NULL, 0};
    unsigned n = 0;

    if (!json_is_object(auth))
        return;
    for (unsigned i = 0; i < KINDS; i++)
        if (json_object_get(auth, kinds[i].key)) {
            key.key = kinds[i].key;
            e->auth.kind = kinds[i].kind;
            n++;
        }
    if (n != 1) {
        config_error(&w->report, &at,
                     "must have exactly one of bearer, basic, header, query, bearer_file, bearer_command and "
                     "jwt_secret_file");
        return;
    }
    kind_rules(w, &key, json_object_get(auth, key.key), &e->auth);
    clash_rules(w, &at, e);
}
