/* config_key.h - the table of all configuration keys (config.def) as data.  Constant; nothing to free.  Pure.
 * The walker fills conf structs from it, and the reference and the JSON Schema are written from it. */
#ifndef MILLRACE_CONFIG_CONFIG_KEY_H
#define MILLRACE_CONFIG_CONFIG_KEY_H

#include <stddef.h>

#include "base/slice.h"

enum config_type {
    CONFIG_UINT,    /* whole number */
    CONFIG_REAL,    /* any number */
    CONFIG_BOOL,    /* true or false */
    CONFIG_ENUM,    /* one of a few words; its place in `choices` is the value of the C enum */
    CONFIG_TEXT,    /* string */
    CONFIG_TEXTS,   /* a string or an array of strings */
    CONFIG_HEADERS, /* object of strings: field name to value */
    CONFIG_OBJECT,  /* object of `inner` keys */
    CONFIG_LIST,    /* array of objects of `inner` keys */
    CONFIG_MAP      /* object whose member names are the user's, each an object of `inner` keys */
};

/* An object of the file and the keys that may stand in it. */
enum config_shape {
    CONFIG_SHAPE_ROOT,
    CONFIG_SHAPE_LIMITS,
    CONFIG_SHAPE_LOG,
    CONFIG_SHAPE_CHAIN,
    CONFIG_SHAPE_CACHE,
    CONFIG_SHAPE_RETRY,
    CONFIG_SHAPE_BREAKER,
    CONFIG_SHAPE_CLASSIFY,
    CONFIG_SHAPE_HEDGE,
    CONFIG_SHAPE_BROADCAST,
    CONFIG_SHAPE_METHOD,
    CONFIG_SHAPE_ENDPOINT,
    CONFIG_SHAPE_AUTH,
    CONFIG_SHAPE_BASIC,
    CONFIG_SHAPE_AUTH_FIELD,
    CONFIG_SHAPE_RATE_LIMIT,
    CONFIG_SHAPE_POOL,
    CONFIG_SHAPE_BATCH,
    CONFIG_SHAPE_TLS,
    CONFIG_SHAPE_DNS,
    CONFIG_SHAPE_COUNT
};

enum {
    CONFIG_LIVE = 1, /* safe to change in a running process; without it the process must start anew */
    CONFIG_REQUIRED = 2,
    CONFIG_SECRET = 4,   /* the value never appears in a message */
    CONFIG_FILE = 8,     /* name of a file, relative to the folder of the configuration; must be readable */
    CONFIG_MAY_LACK = 16 /* texts: the empty string stands for an empty list */
};

#define CONFIG_KEY_FAR ((unsigned)-1)
#define CONFIG_NOWHERE ((size_t)-1)

struct config_place { /* where in the conf struct of its shape the value goes */
    size_t at;        /* CONFIG_NOWHERE: the value is only checked */
    size_t size;      /* of the member */
    size_t count_at;  /* lists: where the number of items goes */
};

struct config_key {
    enum config_shape shape;
    const char *name;
    enum config_type type;
    enum config_shape inner; /* of objects, lists and maps */
    struct config_place place;
    const char *value;   /* the default, as JSON; NULL: none */
    const char *choices; /* "lifo|fifo" */
    double min, max;     /* of a number; bytes of a text; items of a list */
    const char *(*check)(const char *value);
    unsigned flags;
    const char *doc;
};

struct config_shape_info {
    size_t size;                             /* of one element in a list or map */
    const char *(*check_name)(const char *); /* maps: the member's name; it goes to the struct's first member */
    const char *name_pattern;                /* the same for the JSON Schema */
    const char *name_shown;                  /* what stands for such a name in the reference */
};

extern const struct config_key config_keys[];
extern const size_t config_keys_n;
extern const struct config_shape_info config_shapes[CONFIG_SHAPE_COUNT];

const struct config_key *config_key_find(enum config_shape shape, const char *name);
/* How far `name` is from a known one; CONFIG_KEY_FAR: too far to have been meant. */
unsigned config_key_distance(const char *name, const char *known);
/* The known key that was probably meant, or NULL. */
const struct config_key *config_key_nearest(enum config_shape shape, const char *name);
/* The i-th choice, or an empty slice past the last. */
struct slice config_key_choice(const struct config_key *k, unsigned i);

#endif
