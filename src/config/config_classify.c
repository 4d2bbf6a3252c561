#include "config/config_classify.h"

#include "base/phrases.h"

/* An answer that was not given, or was a result, has no row. */
static bool is_of_errors(enum answer_class c)
{
    return c < ANSWER_CLASSES && c != ANSWER_OK && c != ANSWER_NOT_HERE_YET && c != ANSWER_UNREACHED &&
           c != ANSWER_TIMEOUT && c != ANSWER_LOCAL;
}

static const char *nearest_class(const char *name)
{
    const char *best = NULL;
    unsigned best_d = CONFIG_KEY_FAR;

    for (unsigned i = 0; i < ANSWER_CLASSES; i++) {
        const char *known = answer_meaning((enum answer_class)i)->name;
        unsigned d = config_key_distance(name, known);

        if (is_of_errors((enum answer_class)i) && d < best_d) {
            best = known;
            best_d = d;
        }
    }
    return best;
}

void config_classify_rules(struct config_walk *w, const struct config_path *at, const json_t *obj,
                           const struct classify_entry *e)
{
    struct config_path class = {at, "class", 0}, code = {at, "code", 0};
    char shown[CONFIG_SHOWN_CAP];

    if (*e->class && !is_of_errors(answer_class_named(slice_str(e->class)))) {
        const char *near = nearest_class(e->class);

        config_error(&w->report, &class, "no class of errors has the name %s%s%s%s", config_shown(e->class, shown),
                     near ? ", did you mean \"" : "; docs/answers.md lists them", near ? near : "", near ? "\"?" : "");
    }
    if (json_is_integer(json_object_get(obj, "code")) && e->code == 0)
        config_error(&w->report, &code, "must not be 0, which fits any");
    if (!json_object_get(obj, "code") && !json_object_get(obj, "message") && !json_object_get(obj, "http_status"))
        config_error(&w->report, at, "must have code, message or http_status, or it would fit every error");
}

static struct classify_rule rule_of(struct config_arena *arena, const struct classify_entry *e)
{
    struct classify_rule r = {.any_family = true, .status = e->http_status, .code = e->code};
    size_t n = strlen(e->message);
    char *text = config_arena_str(arena, e->message, n);

    phrases_lower(text, n);
    r.text = slice_of(text, n);
    r.class = answer_class_named(slice_str(e->class));
    return r;
}

void config_classify_merge(struct config_arena *arena, const struct chain_conf *c)
{
    for (size_t i = 0; i < c->n_endpoints; i++) {
        struct endpoint_conf *e = (struct endpoint_conf *)&c->endpoints[i];
        size_t n = e->n_classify + c->n_classify;
        struct classify_rule *rules = n ? config_arena_get(arena, n * sizeof *rules) : NULL;

        for (size_t k = 0; k < n; k++)
            rules[k] = rule_of(arena, k < e->n_classify ? &e->classify[k] : &c->classify[k - e->n_classify]);
        e->classes = (struct classify_conf){rules, n};
    }
}
