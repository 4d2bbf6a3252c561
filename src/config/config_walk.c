#include "config/config_walk.h"

#include "config/config_value.h"

/* The items of a list, or the members of a map: an array of the inner conf struct. */
static void set_objects(struct config_walk *w, const struct config_path *at, const struct config_key *k, json_t *j,
                        void *base)
{
    const struct config_shape_info *info = &config_shapes[k->inner];
    bool map = k->type == CONFIG_MAP;
    size_t n = map ? json_object_size(j) : json_array_size(j), i = 0;
    void *iter = map ? json_object_iter(j) : NULL;
    char *v;

    if (map ? !json_is_object(j) : !json_is_array(j)) {
        config_wrong_type(w, at, map ? "an object" : "an array", j);
        return;
    }
    if (!config_count_fits(w, at, k, n))
        return;
    v = config_arena_get(w->arena, (n + 1) * info->size);
    for (i = 0; i < n; i++) {
        const char *name = iter ? json_object_iter_key(iter) : NULL;
        json_t *obj = iter ? json_object_iter_value(iter) : json_array_get(j, i);
        struct config_path item = {at, name, i};
        const char *reason = name && info->check_name ? info->check_name(name) : NULL;

        if (reason)
            config_error(&w->report, &item, "%s", reason);
        if (name)
            *(const char **)(void *)(v + i * info->size) = config_arena_str(w->arena, name, strlen(name));
        if (json_is_object(obj))
            config_walk_object(w, &item, k->inner, obj, v + i * info->size);
        else
            config_wrong_type(w, &item, "an object", obj);
        iter = iter ? json_object_iter_next(j, iter) : NULL;
    }
    config_put_array(k, base, v, n);
}

static void set_object(struct config_walk *w, const struct config_path *at, const struct config_key *k, json_t *j,
                       void *base)
{
    if (json_is_object(j))
        config_walk_object(w, at, k->inner, j, k->place.at == CONFIG_NOWHERE ? NULL : config_member(k, base));
    else
        config_wrong_type(w, at, "an object", j);
}

static void set_value(struct config_walk *w, const struct config_path *at, const struct config_key *k, json_t *j,
                      void *base)
{
    switch (k->type) {
    case CONFIG_OBJECT:
        set_object(w, at, k, j, base);
        break;
    case CONFIG_LIST:
    case CONFIG_MAP:
        set_objects(w, at, k, j, base);
        break;
    default:
        config_set_value(w, at, k, j, base);
        break;
    }
}

/* Defaults stand in the struct before the file's own values come, so that a half-wrong object is never half-empty. */
static void set_default(struct config_walk *w, const struct config_path *at, const struct config_key *k, void *base)
{
    struct config_path item = {at, k->name, 0};
    json_t *j = NULL;

    if (k->place.at == CONFIG_NOWHERE)
        return;
    if (k->type == CONFIG_TEXT)
        config_put_text(k, base, "");
    if (k->type == CONFIG_OBJECT)
        j = json_object();
    else if (k->value)
        j = json_loads(k->value, JSON_DECODE_ANY, NULL);
    if (j)
        set_value(w, &item, k, j, base);
    json_decref(j);
}

static void unknown_key(struct config_walk *w, const struct config_path *at, enum config_shape shape, const char *name)
{
    const struct config_key *near = config_key_nearest(shape, name);
    char shown[CONFIG_SHOWN_CAP];

    config_shown(name, shown);
    if (near)
        config_error(&w->report, at, "unknown key %s, did you mean \"%s\"?", shown, near->name);
    else
        config_error(&w->report, at, "unknown key %s", shown);
}

void config_walk_object(struct config_walk *w, const struct config_path *at, enum config_shape shape, json_t *obj,
                        void *base)
{
    unsigned errors = w->report.errors;
    const char *name;
    json_t *value;

    for (size_t i = 0; i < config_keys_n; i++)
        if (config_keys[i].shape == shape)
            set_default(w, at, &config_keys[i], base);
    json_object_foreach(obj, name, value)
    {
        const struct config_key *k = config_key_find(shape, name);
        struct config_path item = {at, name, 0};

        if (k)
            set_value(w, &item, k, value, base);
        else
            unknown_key(w, at, shape, name);
    }
    for (size_t i = 0; i < config_keys_n; i++)
        if (config_keys[i].shape == shape && config_keys[i].flags & CONFIG_REQUIRED &&
            !json_object_get(obj, config_keys[i].name))
            config_error(&w->report, at, "missing key \"%s\"", config_keys[i].name);
    config_rules(w, at, shape, obj, base, w->report.errors == errors);
}
