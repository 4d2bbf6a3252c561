#include "config/config_value.h"

#include <assert.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config_check.h"
#include "config/config_env.h"
#include "upstream/endpoint_conf.h"

static const char *type_name(const json_t *j)
{
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_NULL:
        return "null";
    default:
        return "a boolean";
    }
}

void config_wrong_type(struct config_walk *w, const struct config_path *at, const char *want, const json_t *j)
{
    config_error(&w->report, at, "must be %s, got %s", want, type_name(j));
}

void *config_member(const struct config_key *k, void *base)
{
    return k->place.at == CONFIG_NOWHERE ? NULL : (char *)base + k->place.at;
}

static void put_number(const struct config_key *k, void *base, uint64_t v)
{
    void *to = config_member(k, base);

    if (!to)
        return;
    if (k->place.size == sizeof(uint64_t)) {
        memcpy(to, &v, sizeof v);
    } else {
        uint32_t small = (uint32_t)v; /* unsigned members and enums; the bounds of the row see to it that it fits */

        assert(k->place.size == sizeof small && v <= UINT32_MAX);
        memcpy(to, &small, sizeof small);
    }
}

void config_put_text(const struct config_key *k, void *base, const char *v)
{
    void *to = config_member(k, base);

    if (to)
        memcpy(to, &v, sizeof v);
}

void config_put_array(const struct config_key *k, void *base, const void *items, size_t n)
{
    void *to = config_member(k, base);

    if (!to)
        return;
    memcpy(to, &items, sizeof items);
    memcpy((char *)base + k->place.count_at, &n, sizeof n);
}

static void set_uint(struct config_walk *w, const struct config_path *at, const struct config_key *k, json_t *j,
                     void *base)
{
    json_int_t v = json_integer_value(j);

    if (!json_is_number(j))
        config_wrong_type(w, at, "a number", j);
    else if (!json_is_integer(j))
        config_error(&w->report, at, "must be a whole number, got %.15g", json_real_value(j));
    else if ((double)v < k->min || (double)v > k->max)
        config_error(&w->report, at, "must be %.0f..%.0f, got %" JSON_INTEGER_FORMAT, k->min, k->max, v);
    else
        put_number(k, base, (uint64_t)v);
}

static void set_real(struct config_walk *w, const struct config_path *at, const struct config_key *k, json_t *j,
                     void *base)
{
    double v = json_number_value(j);

    if (!json_is_number(j))
        config_wrong_type(w, at, "a number", j);
    else if (v < k->min || v > k->max)
        config_error(&w->report, at, "must be %.15g..%.15g, got %.15g", k->min, k->max, v);
    else if (config_member(k, base))
        memcpy(config_member(k, base), &v, sizeof v);
}

static void set_bool(struct config_walk *w, const struct config_path *at, const struct config_key *k, json_t *j,
                     void *base)
{
    bool v = json_is_true(j);
    enum setting given = v ? SETTING_ON : SETTING_OFF;
    void *to = config_member(k, base);

    if (!json_is_boolean(j))
        config_wrong_type(w, at, "true or false", j);
    else if (to && k->place.size == sizeof v)
        memcpy(to, &v, sizeof v);
    else if (to)
        memcpy(to, &given, sizeof given);
}

/* "any", "4", "6" */
static const char *choices_shown(const struct config_key *k, char *out, size_t cap)
{
    size_t n = 0;

    for (unsigned i = 0; config_key_choice(k, i).n && n < cap; i++) {
        struct slice c = config_key_choice(k, i);

        n += (size_t)snprintf(out + n, cap - n, "%s\"%.*s\"", i ? ", " : "", (int)c.n, c.p);
    }
    return out;
}

static void set_enum(struct config_walk *w, const struct config_path *at, const struct config_key *k, json_t *j,
                     void *base)
{
    char choices[128], shown[CONFIG_SHOWN_CAP];
    const char *v;

    choices_shown(k, choices, sizeof choices);
    if (!json_is_string(j)) {
        config_error(&w->report, at, "must be one of %s, got %s", choices, type_name(j));
        return;
    }
    v = config_env_expand(w->arena, &w->report, at, json_string_value(j));
    if (!v)
        return;
    for (unsigned i = 0; config_key_choice(k, i).n; i++)
        if (slice_eq(config_key_choice(k, i), slice_str(v))) {
            put_number(k, base, i);
            return;
        }
    /* The text as the file has it: what came from the environment is never shown. */
    config_error(&w->report, at, "must be one of %s, got %s", choices, config_shown(json_string_value(j), shown));
}

/* A relative name starts from the configuration's folder; the file must be there and readable. */
static const char *file_name(struct config_walk *w, const struct config_path *at, const char *v)
{
    size_t n = strlen(w->folder);
    struct stat st;
    char *name;

    if (!*v)
        return v;
    name = config_arena_get(w->arena, n + strlen(v) + 1);
    if (*v != '/')
        memcpy(name, w->folder, n);
    strcat(name, v);
    if (access(name, R_OK) || stat(name, &st))
        config_error(&w->report, at, "the file cannot be read: %s", strerror(errno));
    else if (!S_ISREG(st.st_mode))
        config_error(&w->report, at, "the file is not a regular file");
    return name;
}

/* One string, checked: in the arena, or NULL after the report. */
static const char *get_text(struct config_walk *w, const struct config_path *at, const struct config_key *k, json_t *j,
                            size_t min, size_t max)
{
    const char *raw = json_string_value(j), *v, *reason;
    char shown[CONFIG_SHOWN_CAP];
    size_t n;

    if (!json_is_string(j)) {
        config_wrong_type(w, at, "a string", j);
        return NULL;
    }
    v = config_env_expand(w->arena, &w->report, at, raw);
    if (!v)
        return NULL;
    n = strlen(v);
    if (n < min && n == 0) {
        config_error(&w->report, at, "must not be empty");
        return NULL;
    }
    if (n < min || n > max) {
        config_error(&w->report, at, "must be %zu..%zu bytes long, got %zu", min, max, n);
        return NULL;
    }
    reason = config_check_text(v);
    if (!reason && k->check)
        reason = k->check(v);
    if (!reason)
        return k->flags & CONFIG_FILE ? file_name(w, at, v) : v;
    if (k->flags & CONFIG_SECRET)
        config_error(&w->report, at, "%s", reason);
    else
        config_error(&w->report, at, "%s, got %s", reason, config_shown(raw, shown));
    return NULL;
}

static void set_text(struct config_walk *w, const struct config_path *at, const struct config_key *k, json_t *j,
                     void *base)
{
    const char *v = get_text(w, at, k, j, (size_t)k->min, (size_t)k->max);

    if (v)
        config_put_text(k, base, v);
}

bool config_count_fits(struct config_walk *w, const struct config_path *at, const struct config_key *k, size_t n)
{
    if (n == 0 && k->min > 0)
        config_error(&w->report, at, "must not be empty");
    else if ((double)n < k->min || (double)n > k->max)
        config_error(&w->report, at, "must have %.0f..%.0f items, got %zu", k->min, k->max, n);
    else
        return true;
    return false;
}

static void set_texts(struct config_walk *w, const struct config_path *at, const struct config_key *k, json_t *j,
                      void *base)
{
    enum { MAX_BYTES = 4096 };
    size_t n = json_is_array(j) ? json_array_size(j) : 1, kept = 0;
    const char **v;

    if (!json_is_array(j) && !json_is_string(j)) {
        config_wrong_type(w, at, "a string or an array of strings", j);
        return;
    }
    if (json_is_string(j) && json_string_length(j) == 0 && k->flags & CONFIG_MAY_LACK)
        n = 0;
    if (!config_count_fits(w, at, k, n))
        return;
    v = config_arena_get(w->arena, (n + 1) * sizeof *v);
    for (size_t i = 0; i < n; i++) {
        struct config_path item = {at, NULL, i};

        if (json_is_array(j))
            v[kept] = get_text(w, &item, k, json_array_get(j, i), 1, MAX_BYTES);
        else
            v[kept] = get_text(w, at, k, j, 1, MAX_BYTES);
        kept += v[kept] != NULL;
    }
    config_put_array(k, base, v, kept);
}

static void set_headers(struct config_walk *w, const struct config_path *at, const struct config_key *k, json_t *j,
                        void *base)
{
    struct header_conf *v;
    size_t kept = 0;
    const char *name;
    json_t *value;

    if (!json_is_object(j)) {
        config_wrong_type(w, at, "an object", j);
        return;
    }
    if (!config_count_fits(w, at, k, json_object_size(j)))
        return;
    v = config_arena_get(w->arena, (json_object_size(j) + 1) * sizeof *v);
    json_object_foreach(j, name, value)
    {
        struct config_path item = {at, name, 0};
        const char *reason = config_check_header_name(name), *text;
        bool again = false;

        for (size_t i = 0; i < kept; i++)
            again = again || slice_eq_nocase(slice_str(v[i].name), slice_str(name));
        if (reason)
            config_error(&w->report, &item, "%s", reason);
        else if (again)
            config_error(&w->report, &item, "this field is given already, field names ignore case");
        text = get_text(w, &item, k, value, 0, 8192);
        if (!reason && !again && text)
            v[kept++] = (struct header_conf){config_arena_str(w->arena, name, strlen(name)), text};
    }
    config_put_array(k, base, v, kept);
}

void config_set_value(struct config_walk *w, const struct config_path *at, const struct config_key *k, json_t *j,
                      void *base)
{
    switch (k->type) {
    case CONFIG_UINT:
        set_uint(w, at, k, j, base);
        break;
    case CONFIG_REAL:
        set_real(w, at, k, j, base);
        break;
    case CONFIG_BOOL:
        set_bool(w, at, k, j, base);
        break;
    case CONFIG_ENUM:
        set_enum(w, at, k, j, base);
        break;
    case CONFIG_TEXT:
        set_text(w, at, k, j, base);
        break;
    case CONFIG_TEXTS:
        set_texts(w, at, k, j, base);
        break;
    case CONFIG_HEADERS:
        set_headers(w, at, k, j, base);
        break;
    default:
        assert(!"objects are the walker's");
    }
}
