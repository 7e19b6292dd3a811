/* Linear models over sparse rows, all sections in one pass: see solver.py, which calls this.
 *
 * Weights lie as features x `stride`: the sections of a feature side by side, filled up with
 * zeros. The feature after the last column is the intercept, 1 in every row. Single precision;
 * the order of operations is fixed, so the same input gives the same bytes.
 */
#include <math.h>
#include <stdint.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif
#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif
#define MOST 64 /* sections, filled up */

typedef struct {
    int64_t rows;
    const int64_t *starts; /* rows + 1 */
    const int32_t *columns;
    const float *values;
    const int32_t *labels; /* the section of each row */
    const float *costs;    /* what a mistake in each row costs */
    int32_t *order;        /* room for a permutation of the rows */
    int64_t features;      /* columns, without the intercept */
    int32_t sections;
    int32_t stride;
    int32_t epochs;
    float rate; /* the tolerance of fit_margins, the step of fit_softmax */
    uint64_t seed;
} Task;

static uint64_t draw(uint64_t *state) { /* splitmix64 */
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static void shuffle(const Task *task, uint64_t *state) {
    for (int64_t at = task->rows - 1; at > 0; at--) {
        int64_t other = (int64_t)(draw(state) % (uint64_t)(at + 1));
        int32_t kept = task->order[at];
        task->order[at] = task->order[other];
        task->order[other] = kept;
    }
}

INLINE void add(float *restrict into, const float *restrict row, float by, int32_t n) {
    for (int32_t at = 0; at < n; at++) into[at] += by * row[at];
}

INLINE void outputs(const Task *task, int64_t row, const float *weights, float *out, int32_t n) {
    const float *bias = weights + task->features * n;
    for (int32_t at = 0; at < n; at++) out[at] = bias[at];
    for (int64_t at = task->starts[row]; at < task->starts[row + 1]; at++)
        add(out, weights + (int64_t)task->columns[at] * n, task->values[at], n);
}

INLINE void curvature(const Task *task, int64_t row, const float *trust, float *out, int32_t n) {
    for (int32_t at = 0; at < n; at++) out[at] = 1;
    for (int64_t at = task->starts[row]; at < task->starts[row + 1]; at++)
        add(out, trust + (int64_t)task->columns[at] * n, task->values[at] * task->values[at], n);
}

/* One against the rest, squared hinge loss, by dual coordinate descent (Hsieh et al., ICML
 * 2008); `trust` is the prior variance of each weight. */
INLINE int32_t margins(const Task *task, const float *trust, float *weights, float *duals,
                       float *curves, int32_t n) {
    uint64_t state = task->seed;
    for (int64_t row = 0; row < task->rows; row++) {
        task->order[row] = (int32_t)row;
        curvature(task, row, trust, curves + row * n, n);
    }
    for (int32_t epoch = 1; epoch <= task->epochs; epoch++) {
        float worst = 0;
        shuffle(task, &state);
        for (int64_t turn = 0; turn < task->rows; turn++) {
            int64_t row = task->order[turn];
            float out[MOST], step[MOST], largest = 0, soft = 0.5f / task->costs[row];
            float *dual = duals + row * n;
            const float *curve = curves + row * n;
            outputs(task, row, weights, out, n);
            for (int32_t at = 0; at < n; at++) {
                float sign = at == task->labels[row] ? 1.0f : -1.0f;
                float size = curve[at] + soft;
                float fresh = dual[at] - (sign * out[at] - 1 + dual[at] * soft) / size;
                fresh = fresh > 0 && at < task->sections ? fresh : 0;
                float change = fresh - dual[at], moved = fabsf(change) * size;
                dual[at] = fresh;
                step[at] = change * sign;
                largest = moved > largest ? moved : largest;
            }
            worst = largest > worst ? largest : worst;
            if (largest < 1e-4f) continue;
            for (int64_t at = task->starts[row]; at < task->starts[row + 1]; at++) {
                float *weight = weights + (int64_t)task->columns[at] * n;
                const float *by = trust + (int64_t)task->columns[at] * n;
                float value = task->values[at];
                for (int32_t of = 0; of < n; of++) weight[of] += step[of] * value * by[of];
            }
            add(weights + task->features * n, step, 1, n);
        }
        if (worst < task->rate) return epoch;
    }
    return task->epochs;
}

/* Multinomial logistic regression by stochastic gradients with a step of its own for each
 * weight (AdaGrad: Duchi et al., JMLR 2011); few epochs stand in for a penalty. */
INLINE void softmax(const Task *task, float *weights, float *squares, int32_t n) {
    uint64_t state = task->seed;
    for (int64_t row = 0; row < task->rows; row++) task->order[row] = (int32_t)row;
    for (int32_t epoch = 0; epoch < task->epochs; epoch++) {
        float rate = task->rate * (1 - (float)epoch / (float)task->epochs);
        shuffle(task, &state);
        for (int64_t turn = 0; turn < task->rows; turn++) {
            int64_t row = task->order[turn];
            float out[MOST], top, sum = 0;
            outputs(task, row, weights, out, n);
            top = out[0];
            for (int32_t at = 1; at < task->sections; at++) top = out[at] > top ? out[at] : top;
            for (int32_t at = 0; at < task->sections; at++) sum += out[at] = expf(out[at] - top);
            for (int32_t at = 0; at < n; at++)
                out[at] = at < task->sections ? out[at] / sum * task->costs[row] : 0;
            out[task->labels[row]] -= task->costs[row];
            for (int64_t at = task->starts[row]; at <= task->starts[row + 1]; at++) {
                int last = at == task->starts[row + 1];
                int64_t feature = last ? task->features : task->columns[at];
                float *weight = weights + feature * n, *square = squares + feature * n;
                float value = last ? 1 : task->values[at];
                for (int32_t of = 0; of < n; of++) {
                    float slope = out[of] * value;
                    square[of] += slope * slope;
                    weight[of] -= rate * slope / sqrtf(square[of] + 1e-6f);
                }
            }
        }
    }
}

WIDE int32_t fit_margins(const Task *task, const float *trust, float *weights, float *duals,
                         float *curves) {
    switch (task->stride) {
    case 4: return margins(task, trust, weights, duals, curves, 4);
    case 8: return margins(task, trust, weights, duals, curves, 8);
    case 12: return margins(task, trust, weights, duals, curves, 12);
    case 16: return margins(task, trust, weights, duals, curves, 16);
    case 20: return margins(task, trust, weights, duals, curves, 20);
    default: return margins(task, trust, weights, duals, curves, task->stride);
    }
}

WIDE void fit_softmax(const Task *task, float *weights, float *squares) {
    switch (task->stride) {
    case 4: softmax(task, weights, squares, 4); return;
    case 8: softmax(task, weights, squares, 8); return;
    case 12: softmax(task, weights, squares, 12); return;
    case 16: softmax(task, weights, squares, 16); return;
    case 20: softmax(task, weights, squares, 20); return;
    default: softmax(task, weights, squares, task->stride);
    }
}
