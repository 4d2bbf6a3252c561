/* The scanner's tests once more, over the code that processors without SSE2 run. */
#define JSTR_PORTABLE
#include "json/jstr.c"
#include "json/jtok.c"

#include "test_jtok.c"
