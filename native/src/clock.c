/*
 * Decay by ticks.
 *
 * Evidence decays by half in a half life. It is kept forward (Cormode, Shkapenyuk, Srivastava & Xu, ICDE 2009): an
 * event at tick t adds its reward times 2^((t - landmark) / 1024), and what is read is the sum times
 * 2^((landmark - now) / 1024): one factor for all arms. Times enter only through their tick, 1,024 ticks a half life,
 * so every weight is a function of a whole number. The landmark stands on a whole half life and moves by whole half
 * lives, so that moving it scales the evidence by a power of two, without rounding.
 */
#include "kernels.h"
#include "scalar.h"

enum { SPAN = 64 }; /* half lives between landmark and present, at most */

static double power_of_two(int64_t exponent) {
    if (exponent < -1000) return 0.0;
    const uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

int64_t aw_tick(int64_t now, int64_t half_life) {
    const int64_t part = (int64_t)((double)(now % half_life) * 1024.0 / (double)half_life);
    return now / half_life * AW_TICKS_PER_HALF_LIFE + (part < 1023 ? part : 1023);
}

int64_t aw_tick_end(int64_t tick, int64_t half_life) {
    const int64_t whole = tick >> 10, part = tick & 1023;
    /* the product is rounded: by half an ulp of a half life past 2^53 ns, and the quotient again */
    return whole * half_life + (int64_t)((double)(part + 1) * (double)half_life / 1024.0) - 1 - (half_life >> 52);
}

double aw_decay(int64_t ticks) {
    return power_of_two(-(ticks >> 10)) * aw_exp1(-(double)(ticks & 1023) * (0.69314718055994530942 / 1024.0));
}

double aw_growth(int64_t ticks) {
    return power_of_two(ticks >> 10) * aw_exp1((double)(ticks & 1023) * (0.69314718055994530942 / 1024.0));
}

int aw_clock_advance(int64_t *head, int64_t now, double *scale) {
    *scale = 1.0;
    if (now <= head[AW_HEAD_NOW]) return 0;
    head[AW_HEAD_NOW] = now;
    if (now < head[AW_HEAD_NEXT]) return 0;
    const int64_t half_life = head[AW_HEAD_HALF_LIFE], tick = aw_tick(now, half_life);
    head[AW_HEAD_NEXT] = aw_tick_end(tick, half_life);
    if (tick <= head[AW_HEAD_TICK]) return 0;
    head[AW_HEAD_TICK] = tick;
    const int64_t lives = (tick - head[AW_HEAD_LANDMARK]) >> 10;
    if (lives >= SPAN) {
        *scale = power_of_two(-lives);
        head[AW_HEAD_LANDMARK] += lives * AW_TICKS_PER_HALF_LIFE;
    }
    head[AW_HEAD_VERSION] += 1;
    return 1;
}
