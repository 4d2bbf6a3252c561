#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "config/config.h"
#include "config/config_key.h"

static json_t *shape_schema(enum config_shape shape);

static json_t *number_schema(const struct config_key *k)
{
    if (k->type == CONFIG_REAL)
        return json_pack("{s:s, s:f, s:f}", "type", "number", "minimum", k->min, "maximum", k->max);
    return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)k->min, "maximum",
                     (json_int_t)k->max);
}

static json_t *enum_schema(const struct config_key *k)
{
    json_t *choices = json_array();

    for (unsigned i = 0; config_key_choice(k, i).n; i++) {
        struct slice c = config_key_choice(k, i);

        json_array_append_new(choices, json_stringn(c.p, c.n));
    }
    return json_pack("{s:o}", "enum", choices);
}

/* No longest length: ${NAME} may make a string shorter or longer than it is in the file. */
static json_t *text_schema(const struct config_key *k)
{
    json_t *s = json_pack("{s:s}", "type", "string");

    if (k->min > 0)
        json_object_set_new(s, "minLength", json_integer(1));
    return s;
}

static json_t *texts_schema(const struct config_key *k)
{
    return json_pack("{s:[{s:s}, {s:s, s:{s:s}, s:I, s:I}]}", "anyOf", "type", "string", "type", "array", "items",
                     "type", "string", "minItems", (json_int_t)k->min, "maxItems", (json_int_t)k->max);
}

static json_t *map_schema(const struct config_key *k)
{
    return json_pack("{s:s, s:I, s:I, s:{s:s}, s:o}", "type", "object", "minProperties", (json_int_t)k->min,
                     "maxProperties", (json_int_t)k->max, "propertyNames", "pattern",
                     config_shapes[k->inner].name_pattern, "additionalProperties", shape_schema(k->inner));
}

static json_t *key_schema(const struct config_key *k)
{
    switch (k->type) {
    case CONFIG_UINT:
    case CONFIG_REAL:
        return number_schema(k);
    case CONFIG_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case CONFIG_ENUM:
        return enum_schema(k);
    case CONFIG_TEXT:
        return text_schema(k);
    case CONFIG_TEXTS:
        return texts_schema(k);
    case CONFIG_HEADERS:
        return json_pack("{s:s, s:I, s:{s:s}}", "type", "object", "maxProperties", (json_int_t)k->max,
                         "additionalProperties", "type", "string");
    case CONFIG_OBJECT:
        return shape_schema(k->inner);
    case CONFIG_LIST:
        return json_pack("{s:s, s:I, s:I, s:o}", "type", "array", "minItems", (json_int_t)k->min, "maxItems",
                         (json_int_t)k->max, "items", shape_schema(k->inner));
    case CONFIG_MAP:
        return map_schema(k);
    }
    return NULL;
}

static json_t *described(const struct config_key *k)
{
    json_t *s = json_pack("{s:s}", "description", k->doc);

    json_object_update_new(s, key_schema(k));
    if (k->value)
        json_object_set_new(s, "default", json_loads(k->value, JSON_DECODE_ANY, NULL));
    return s;
}

static json_t *shape_schema(enum config_shape shape)
{
    json_t *properties = json_object(), *required = json_array(), *s;

    for (size_t i = 0; i < config_keys_n; i++) {
        const struct config_key *k = &config_keys[i];

        if (k->shape != shape)
            continue;
        json_object_set_new(properties, k->name, described(k));
        if (k->flags & CONFIG_REQUIRED)
            json_array_append_new(required, json_string(k->name));
    }
    s = json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0, "properties", properties);
    if (json_array_size(required))
        json_object_set(s, "required", required);
    json_decref(required);
    return s;
}

int config_schema(struct buf *out)
{
    json_t *s = json_pack("{s:s, s:s, s:s}", "$schema", "https://json-schema.org/draft/2020-12/schema", "title",
                          "endpoints.json of millrace", "description",
                          "Strings may hold ${NAME}: the value of an environment variable.");
    char *text;
    int r;

    json_object_update_new(s, shape_schema(CONFIG_SHAPE_ROOT));
    text = json_dumps(s, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    r = text ? buf_printf(out, "%s\n", text) : -ENOMEM;
    free(text);
    json_decref(s);
    return r > 0 ? -ENOBUFS : r;
}
