/* Margins of a title -> its answer: the same as calibration.py, which stays the reference. */
#ifndef HEADLINES_JUDGE_H
#define HEADLINES_JUDGE_H

#include "_features.h"

typedef double Four __attribute__((vector_size(32)));
typedef double Loose __attribute__((vector_size(32), aligned(8)));
typedef uint64_t Bits __attribute__((vector_size(32)));
typedef int32_t Four32 __attribute__((vector_size(16)));

enum { /* of a revision */
    MOST_HIDDEN = 256,
    MOST_SECTIONS = 64,
    BESIDE = 8 /* fours of hidden units that are worked out side by side */
};

#define FOUR_AT(place) (*(const Loose *)(place))

typedef struct {
    const float *start, *end; /* the curve, `knots` long; `start` rises */
    const float *thresholds;  /* one a section */
    double sharpness;
    float familiarity;
    int32_t knots;
} Judge;

typedef struct {
    float *margins; /* titles x sections, or NULL */
    uint8_t *hard;  /* one a title, as all that follow; 1: a raw one that is left to the caller */
    int32_t *best, *second; /* these four are used with a Judge */
    float *probability;
    uint8_t *unsure;
} Answers;

/* What the hidden units say, in four times `fours` lanes from `lane` on. Even and odd units are
 * summed apart, so that no sum waits for the one before. */
INLINE void take_up(const Model *model, const double *units, double *margins, size_t lanes,
                    size_t lane, const int fours) {
    const double *row = model->outer + lane;
    Four even[5] = {{0}}, odd[5] = {{0}};
    for (size_t unit = 0; unit < (size_t)model->hidden; unit += 2, row += 2 * lanes)
        for (int four = 0; four < fours; four++) {
            even[four] += units[unit] * FOUR_AT(row + 4 * four);
            odd[four] += units[unit + 1] * FOUR_AT(row + lanes + 4 * four);
        }
    for (int four = 0; four < fours; four++) {
        even[four] += odd[four] + FOUR_AT(row + 4 * four);
        memcpy(margins + lane + 4 * four, even + four, sizeof *even);
    }
}

/* Margins revised by a second look, as revision.py does it; `seen` are they and what is known
 * beside them, and `lanes`, of which there are a multiple of four, take what comes out. */
INLINE void revise(const Model *model, const double *seen, double *margins, size_t lanes) {
    size_t hidden = (size_t)model->hidden, inputs = (size_t)model->sections + COUNTS + 1;
    double units[MOST_HIDDEN];
    for (size_t from = 0; from < hidden; from += 4 * BESIDE) {
        const double *row = model->inner + from;
        Four some[BESIDE];
        memcpy(some, row + inputs * hidden, sizeof some);
        for (size_t at = 0; at < inputs; at++, row += hidden)
            for (int four = 0; four < BESIDE; four++)
                some[four] += seen[at] * FOUR_AT(row + 4 * four);
        for (int four = 0; four < BESIDE; four++)
            some[four] = (Four)((Bits)(some[four] > 0) & (Bits)some[four]);
        memcpy(units + from, some, sizeof some);
    }
    switch (lanes) { /* so that the compiler knows them */
    case 4: take_up(model, units, margins, lanes, 0, 1); break;
    case 12: take_up(model, units, margins, lanes, 0, 3); break;
    case 20: take_up(model, units, margins, lanes, 0, 5); break;
    default:
        for (size_t lane = 0; lane < lanes; lane += 4)
            take_up(model, units, margins, lanes, lane, 1);
    }
}

/* exp() of four numbers between -700 and 0, to 1e-9 of its value: a power of two for the
 * whole part, put into the exponent's bits, and Taylor's series for the rest. */
INLINE void exp_four(Four *at) {
    const double round = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds */
    Four x = *at, shifted = x * 1.4426950408889634 + round, whole = shifted - round;
    Four r = x - whole * 0.6931471805599453, power = 1 + r / 8;
    for (int term = 7; term > 0; term--) power = 1 + power * r * (1.0 / term);
    *at = (Four)((Bits)power + ((Bits)shifted << 52));
}

/* The largest margin's share after a softmax. */
INLINE double share(const Judge *judge, const float *margins, size_t lanes, float top) {
    Four sum = {0, 0, 0, 0};
    for (size_t lane = 0; lane < lanes; lane += 4) {
        Four x;
        for (int at = 0; at < 4; at++) {
            double below = ((double)margins[lane + at] - top) * judge->sharpness;
            x[at] = below > -700 ? below : -700;
        }
        exp_four(&x);
        sum += x;
    }
    return 1 / (sum[0] + sum[1] + sum[2] + sum[3]);
}

/* The curve at `value`, as np.interp has it. */
INLINE double bend(const Judge *judge, double value) {
    int32_t at = 0; /* the first knot beyond */
    for (int32_t knot = 0; knot < judge->knots; knot++) at += judge->start[knot] <= value;
    if (at == 0) return judge->end[0];
    if (at == judge->knots) return judge->end[at - 1];
    double from = judge->start[at - 1], rise = (double)judge->end[at] - judge->end[at - 1];
    return judge->end[at - 1] + rise * (value - from) / (judge->start[at] - from);
}

INLINE void judge_title(const Judge *judge, const float *margins, int32_t sections, size_t lanes,
                        float familiarity, const Answers *out, int64_t title) {
    int32_t best = 0, second = -1;
    for (int32_t at = 1; at < sections; at++) {
        if (margins[at] > margins[best]) second = best, best = at;
        else if (second < 0 || margins[at] > margins[second]) second = at;
    }
    float probability = (float)bend(judge, share(judge, margins, lanes, margins[best]));
    out->best[title] = best;
    out->second[title] = second < 0 ? best : second;
    out->probability[title] = probability;
    out->unsure[title] =
        probability < judge->thresholds[best] || familiarity < judge->familiarity;
}

#endif
