/* The kernel bodies four lanes wide. Fused multiply-add is left out on purpose: it would change the bits. */
#if defined(__x86_64__)
#include <immintrin.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2")
#endif
#ifndef __AVX2__
#define __AVX2__ 1
#endif
#define AW_W 4
#define AW_TABLE aw_ops_avx2
#include "simd/all.h"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#else
typedef int aw_avx2_is_absent;
#endif
