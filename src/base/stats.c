#include "base/stats.h"

void stats_rows(const struct stats *s, struct stats_row out[STATS_ROWS])
{
#define COUNTER(field, what) out[STATS_ROW_##field] = (struct stats_row){#field, what, s->field};
#include "base/stats.def"
#undef COUNTER
}
