/* The kernel bodies two lanes wide: SSE2, which every x86-64 has, or NEON, which every arm64 has. */
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif
#if defined(__x86_64__) || defined(__aarch64__)
#define AW_W 2
#define AW_TABLE aw_ops_v128
#include "simd/all.h"
#else
typedef int aw_v128_is_absent;
#endif
