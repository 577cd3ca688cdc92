/* The kernel bodies eight lanes wide: AVX-512 F, DQ, VL and BW. */
#if defined(__x86_64__)
#include <immintrin.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,bmi,bmi2"))),              \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,bmi,bmi2,prefer-vector-width=512")
#endif
#ifndef __AVX512F__
#define __AVX512F__ 1
#endif
#define AW_W 8
#define AW_TABLE aw_ops_avx512
#include "simd/all.h"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#else
typedef int aw_avx512_is_absent;
#endif
