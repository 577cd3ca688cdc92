/* The kernel bodies one lane wide: the reference for every other width, and what any CPU runs. */
#define AW_W 1
#define AW_TABLE aw_ops_scalar
#include "simd/all.h"
