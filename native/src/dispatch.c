/*
 * Which instruction sets this build has, which this CPU runs, and the const table of each.
 */
#include "kernels.h"

extern const struct aw_ops aw_ops_scalar;
#if defined(__x86_64__) || defined(__aarch64__)
extern const struct aw_ops aw_ops_v128;
#endif
#if defined(__x86_64__)
extern const struct aw_ops aw_ops_avx2, aw_ops_avx512;
#endif

const char *aw_isa_name(int isa) {
    switch (isa) {
    case AW_ISA_SCALAR:
        return "scalar";
#if defined(__x86_64__)
    case AW_ISA_V128:
        return "sse2";
    case AW_ISA_AVX2:
        return "avx2";
    case AW_ISA_AVX512:
        return "avx512";
#elif defined(__aarch64__)
    case AW_ISA_V128:
        return "neon";
#endif
    default:
        return NULL;
    }
}

int aw_isa_runs(int isa) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (isa == AW_ISA_AVX2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
    if (isa == AW_ISA_AVX512) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
    }
#endif
    return aw_isa_name(isa) != NULL;
}

const struct aw_ops *aw_ops_of(int isa) {
    if (!aw_isa_runs(isa)) return NULL;
    switch (isa) {
    case AW_ISA_SCALAR:
        return &aw_ops_scalar;
#if defined(__x86_64__) || defined(__aarch64__)
    case AW_ISA_V128:
        return &aw_ops_v128;
#endif
#if defined(__x86_64__)
    case AW_ISA_AVX2:
        return &aw_ops_avx2;
    case AW_ISA_AVX512:
        return &aw_ops_avx512;
#endif
    default:
        return NULL;
    }
}

#define AW_TEXT_(x) #x
#define AW_TEXT(x) AW_TEXT_(x)
const char *aw_compiler(void) {
#if defined(__clang__)
    return "clang " __clang_version__;
#elif defined(__GNUC__)
    return "gcc " AW_TEXT(__GNUC__) "." AW_TEXT(__GNUC_MINOR__) "." AW_TEXT(__GNUC_PATCHLEVEL__);
#else
    return "unknown";
#endif
}

const char *aw_strerror(int status) {
    switch (status) {
    case AW_OK:
        return "success";
    case AW_E_COUNT:
        return "a number of arms, draws or dimensions is out of range";
    case AW_E_SHAPE:
        return "a Beta shape is outside [1e-100, 1e100]";
    case AW_E_DOMAIN:
        return "a number is outside the function's domain";
    case AW_E_ISA:
        return "this CPU does not run that instruction set";
    case AW_E_NUMERIC:
        return "probabilities missed a sum of one by more than 1e-9";
    case AW_E_CONTEXT:
        return "a context holds a number that is not finite, or beyond 1e100";
    case AW_E_REWARD:
        return "a reward is outside the range that the policy takes";
    case AW_E_TIME:
        return "a time is negative, or 2^62 ns and later";
    case AW_E_SHARP:
        return "an arm with both shapes beyond 2e9 and another may both be the best: their chances are not known";
    case AW_E_TEXT:
        return "a key holds a surrogate or a number that is no code point: it has no UTF-8";
    case AW_E_WORD:
        return "a word of a shared table holds more rewards than it counts: something else wrote into the file";
    case AW_E_OFFSETS:
        return "offsets must not fall, and must lie within the data";
    default:
        return "unknown status";
    }
}
