#include <errno.h>
#include <stdio.h>

#include "config/config.h"
#include "config/config_key.h"

enum { PATH_CAP = 128 };

static const char intro[] =
    "# endpoints.json\n"
    "\n"
    "Every key of the configuration. This page is written from `src/config/config.def`, the table that the program\n"
    "itself checks the file against, and a test compares the two.\n"
    "\n"
    "- Only `chains`, `family`, `endpoints`, `name` and `url` must be given; the rest has defaults.\n"
    "- An unknown key, a wrong type or a value out of bounds is an error; all of them are reported at once, each with\n"
    "  its file, path and reason. `millrace check` does nothing else.\n"
    "- Any string may hold `${NAME}`, the value of an environment variable; one that is not set is an error. `$${`\n"
    "  stands for `${` itself. Values of `url`, `headers`, `auth` and `proxy` never appear in a message.\n"
    "- Names of files are relative to the folder of the configuration.\n"
    "- The file is read once, at start. *Fixed*: only a new process can ever take a change of the key.\n"
    "- `endpoints.schema.json` says the same to editors: name it in `$schema`.\n";

static int put_takes(struct buf *out, const struct config_key *k)
{
    int r = 0;

    switch (k->type) {
    case CONFIG_UINT:
        return buf_printf(out, "%.0f..%.0f", k->min, k->max);
    case CONFIG_REAL:
        return buf_printf(out, "%.15g..%.15g", k->min, k->max);
    case CONFIG_BOOL:
        return buf_str(out, "true, false");
    case CONFIG_ENUM:
        for (unsigned i = 0; config_key_choice(k, i).n && r == 0; i++) {
            struct slice c = config_key_choice(k, i);

            r = buf_printf(out, "%s`\"%.*s\"`", i ? ", " : "", (int)c.n, c.p);
        }
        return r;
    case CONFIG_TEXT:
        return buf_str(out, k->flags & CONFIG_FILE ? "file name" : "string");
    case CONFIG_TEXTS:
        return buf_str(out, "string or array of strings");
    case CONFIG_HEADERS:
        return buf_str(out, "object of strings");
    case CONFIG_OBJECT:
        return buf_str(out, "object, below");
    case CONFIG_LIST:
        return buf_printf(out, "array of %.0f..%.0f objects, below", k->min, k->max);
    case CONFIG_MAP:
        return buf_printf(out, "object of %.0f..%.0f objects, below", k->min, k->max);
    }
    return r;
}

static int put_row(struct buf *out, const struct config_key *k)
{
    int r = buf_printf(out, "| `%s` | ", k->name);

    if (r == 0)
        r = put_takes(out, k);
    if (r == 0 && k->value)
        r = buf_printf(out, " | `%s` | ", k->value);
    else if (r == 0)
        r = buf_str(out, k->flags & CONFIG_REQUIRED ? " | **required** | " : " | | ");
    if (r == 0)
        r = buf_printf(out, "%s%s |\n", k->doc, k->flags & CONFIG_LIVE ? "" : " *Fixed.*");
    return r;
}

static int put_shape(struct buf *out, enum config_shape shape, const char *path)
{
    int r = *path ? buf_printf(out, "\n## %s\n", path) : buf_str(out, "\n## The file\n");

    if (r == 0)
        r = buf_str(out, "\n| key | takes | default | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < config_keys_n && r == 0; i++)
        if (config_keys[i].shape == shape)
            r = put_row(out, &config_keys[i]);
    for (size_t i = 0; i < config_keys_n && r == 0; i++) {
        const struct config_key *k = &config_keys[i];
        char inner[PATH_CAP];

        if (k->shape != shape || k->type < CONFIG_OBJECT)
            continue;
        snprintf(inner, sizeof inner, "%s%s%s%s%s", path, *path ? "." : "", k->name,
                 k->type == CONFIG_LIST  ? "[]"
                 : k->type == CONFIG_MAP ? "."
                                         : "",
                 k->type == CONFIG_MAP ? config_shapes[k->inner].name_shown : "");
        r = put_shape(out, k->inner, inner);
    }
    return r;
}

int config_reference(struct buf *out)
{
    int r = buf_str(out, intro);

    if (r == 0)
        r = put_shape(out, CONFIG_SHAPE_ROOT, "");
    return r > 0 ? -ENOBUFS : r;
}
