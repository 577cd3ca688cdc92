/*
 * log B(a, b), and the functions of the public header that map arrays.
 *
 * Shapes below ten are lifted by B(a, b) = B(a + 1, b) (a + b) / a, the factors gathered in one product; from ten on
 * Stirling's series gives log Gamma, and the logarithms of the three terms are taken in differences, so that a pair
 * like (1e6, 1) loses nothing to cancellation. Measured against 40 digits over shapes .05 .. 1e6: 3e-10
 * absolute, and 1e-14 of max(1, |log B|) for most.
 */
#include "kernels.h"
#include "scalar.h"

static double stirling(double x) {
    const double r = 1.0 / x, q = r * r;
    double s = 1.0 / 156.0;
    s = s * q + -691.0 / 360360.0;
    s = s * q + 1.0 / 1188.0;
    s = s * q + -1.0 / 1680.0;
    s = s * q + 1.0 / 1260.0;
    s = s * q + -1.0 / 360.0;
    s = s * q + 1.0 / 12.0;
    return s * r;
}

/* Multiply by (x + y) / x and raise x until it is ten. */
static double lift(double x, double y, double *product, double *total) {
    while (x < 10.0) {
        *product = *product * ((x + y) / x);
        x = x + 1.0;
        if (*product > 1e200) {
            *total = *total + aw_log1(*product);
            *product = 1.0;
        }
    }
    return x;
}

double aw_log_beta1(double a, double b) {
    double product = 1.0, total = 0.0;
    a = lift(a, b, &product, &total);
    b = lift(b, a, &product, &total);
    total = total + aw_log1(product);
    if (a > b) {
        const double swap = a;
        a = b;
        b = swap;
    }
    const double n = a + b;
    return total + (0.91893853320467274178 - 0.5 * aw_log1(b)) + ((a - 0.5) * aw_log1(a / n) - b * aw_log1p1(a / b)) +
           ((stirling(a) + stirling(b)) - stirling(n));
}

int aw_shapes_good(int64_t n, const double *a, const double *b) {
    for (int64_t i = 0; i < n; i++) {
        const int good = a[i] >= AW_MIN_SHAPE && a[i] <= AW_MAX_SHAPE && b[i] >= AW_MIN_SHAPE && b[i] <= AW_MAX_SHAPE;
        if (!good) return 0;
    }
    return 1;
}

int aw_log_beta(int64_t n, const double *a, const double *b, double *out) {
    if (n < 0) return AW_E_COUNT;
    if (!aw_shapes_good(n, a, b)) return AW_E_SHAPE;
    for (int64_t i = 0; i < n; i++) out[i] = aw_log_beta1(a[i], b[i]);
    return AW_OK;
}

static int map_checked(int isa, int64_t n, const double *x, double *out, int exponential) {
    const struct aw_ops *ops = aw_ops_of(isa);
    if (!ops) return AW_E_ISA;
    if (n < 0) return AW_E_COUNT;
    for (int64_t i = 0; i < n; i++) {
        const int ok =
            exponential ? x[i] >= -708.0 && x[i] <= 708.0 : x[i] >= 0x1p-1022 && x[i] <= 0x1.fffffffffffffp1023;
        if (!ok) return AW_E_DOMAIN;
    }
    (exponential ? ops->exp : ops->log)(n, x, out);
    return AW_OK;
}

int aw_log(int isa, int64_t n, const double *x, double *out) { return map_checked(isa, n, x, out, 0); }
int aw_exp(int isa, int64_t n, const double *x, double *out) { return map_checked(isa, n, x, out, 1); }

void aw_philox(int64_t n, const uint32_t *counters, const uint32_t *key, uint32_t *out) {
    for (int64_t i = 0; i < n; i++) {
        const uint32_t *c = counters + 4 * i;
        uint64_t r1, r2;
        aw_words(c[0], (uint64_t)c[2] << 32 | c[1], c[3] >> 24, c[3] & 0xffffff, (uint64_t)key[1] << 32 | key[0], &r1,
                 &r2);
        out[4 * i] = (uint32_t)(r1 >> 32);
        out[4 * i + 1] = (uint32_t)r1;
        out[4 * i + 2] = (uint32_t)(r2 >> 32);
        out[4 * i + 3] = (uint32_t)r2;
    }
}

uint64_t aw_stream_key(uint64_t seed, uint64_t stream) {
    vu words, rest;
    philox(U(stream & 0xffffffffULL), U(stream >> 32), 0, 0, seed, &words, &rest);
    return words[0] << 32 | words[0] >> 32;
}
