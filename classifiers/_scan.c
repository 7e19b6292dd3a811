/* Titles -> hashed features -> TF-IDF -> margins -> answers, in one pass over code points.
 *
 * The same features, numbers and order of operations as features.py, lexicon.py, compiled.py
 * and calibration.py, which stay the reference and serve where there is no C compiler. No
 * Python headers: a plain shared library, called with ctypes. Nothing is allocated; each
 * thread has a workspace of its own. Every index is bounded by the sizes that the caller
 * states.
 *
 * Text comes in one of two forms. Raw: UTF-32, titles parted by line feeds; of each the
 * first MAX_CHARS code points are folded with the table `quick`, and a title that holds a
 * code point which the table calls HARD is left to the caller. Folded: what text.encode()
 * gives, a BREAK before and after each title.
 *
 * What takes time is memory: some sixty features a title, each somewhere in tens of megabytes.
 * So all that is known of a bucket lies in one record (see records.py), and while a title's
 * records are on their way, the title before it is weighed.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif
#if defined(__GNUC__)
#define FETCH(address) __builtin_prefetch(address)
#define INLINE static inline __attribute__((always_inline))
#define APART __attribute__((noinline))
#else
#define FETCH(address) ((void)(address))
#define INLINE static inline
#define APART
#endif
#ifndef SOURCE_DIGEST
#define SOURCE_DIGEST "unknown"
#endif

enum {
    BREAK = 10,
    BLANK = 32,
    DROP = 0,
    HARD = 1,
    MAX_CHARS = 1000,
    EACH_AT_MOST = 8, /* features of a code point: three n-grams, two of letters, and fewer */
    MAX_FEATURES = EACH_AT_MOST * (MAX_CHARS + 2),
    SLOTS = 16384, /* a power of two, more than MAX_FEATURES */
    MAX_SECTIONS = 1024,
    IDF_AT = 4,   /* bytes of a record before its idf */
    STEPS_AT = 8, /* and before its weights */
    MAX_LANES = MAX_SECTIONS + 8,
    LONGEST_RUN = 7
};

static const uint64_t GOLDEN = 0x9E3779B97F4A7C15u;
static const uint64_t MIX = 0xD6E8FEB86659FD93u;
static const uint64_t WORD = 1ull << 63;
static const uint64_t SHAPE = 3ull << 62;

typedef struct {
    const uint16_t *quick;  /* 65,536: code point -> code point, DROP or HARD */
    const uint8_t *records; /* one a bucket: filter, idf, weights, zeros up to `stride` */
    const float *tf;        /* MAX_FEATURES + 1: the weight of a count */
    const float *scale;     /* one a section */
    const float *bias;      /* one a section */
    uint64_t buckets;       /* a power of two, at most 2^32 */
    uint64_t stride;        /* bytes of a record, a multiple of 16 */
    int32_t longest;        /* of the n-grams, 1 to 3 */
    int32_t shape;
    int32_t sections;
} Model;

typedef struct {
    const float *start, *end; /* the curve, `knots` long; `start` rises */
    const float *thresholds;  /* one a section */
    double sharpness;
    float familiarity;
    int32_t knots;
} Judge;

typedef struct {
    float *margins;  /* titles x sections, or NULL */
    float *familiar; /* one a title, as all that follow; or NULL */
    uint8_t *hard;   /* 1: a raw title that is left to the caller */
    int32_t *best, *second; /* these four are used with a Judge */
    float *probability;
    uint8_t *unsure;
} Answers;

/* The features of one title. */
typedef struct {
    uint64_t hashes[MAX_FEATURES];
    const uint8_t *records[MAX_FEATURES];
    uint8_t telling[MAX_FEATURES];
    size_t many;
    int64_t title;
} Bag;

typedef struct {
    uint32_t codes[MAX_CHARS + 2];
    uint64_t mixed[MAX_CHARS + 2];
    uint8_t kinds[MAX_CHARS + 2];
    Bag bags[2];
    const uint8_t *known[MAX_FEATURES]; /* records */
    uint32_t masks[MAX_FEATURES];
    uint16_t counts[MAX_FEATURES];
    uint16_t slots[SLOTS];
    float values[MAX_FEATURES];
    double sums[MAX_LANES];
    float margins[MAX_LANES];
    size_t distinct;
    float familiarity;
} Work;

typedef double Four __attribute__((vector_size(32)));
typedef uint64_t Bits __attribute__((vector_size(32)));
typedef int32_t Four32 __attribute__((vector_size(16)));

static _Thread_local Work works;

/* Apart, or its address would be looked up again at every use. */
static APART Work *workspace(void) { return &works; }

enum { OTHER = 0, LETTER = 1, DIGIT = 2, EDGE = 4, SPACE = 8 };

const char *scan_digest(void) { return SOURCE_DIGEST; }
int32_t scan_limits(int32_t which) { return which == 0 ? MAX_FEATURES : MAX_SECTIONS; }

INLINE uint64_t mix(uint64_t key) {
    key *= GOLDEN;
    key ^= key >> 32;
    key *= MIX;
    key ^= key >> 32;
    return key * GOLDEN;
}

INLINE uint8_t kind_of(uint32_t code) {
    if (code >= 'a' && code <= 'z') return LETTER;
    if (code >= 0x600 || code < 0xC0) {
        if (code >= '0' && code <= '9') return DIGIT;
        if (code == BREAK) return EDGE;
        return code == BLANK ? SPACE : OTHER;
    }
    return LETTER; /* accented Latin, Greek, Cyrillic, Hebrew */
}

/* Neither letter, digit, blank, break nor ideograph: punctuation, near enough. */
INLINE int is_mark(uint32_t code, uint8_t kind) {
    if (kind != OTHER) return 0;
    return !(code >= 0x2E80 && !(code >= 0x3000 && code < 0x3040) && code < 0xFE30);
}

/* Add a feature if `wanted`: written in any case, and kept by moving on. */
INLINE void put(const Model *model, Bag *bag, uint64_t key, int telling, int wanted) {
    uint64_t hash = mix(key);
    if (model->records) {
        uint64_t bucket = (hash >> 32) * model->buckets >> 32; /* the top bits, sooner */
        const uint8_t *record = model->records + bucket * model->stride;
        FETCH(record);
        if (model->stride > 32) FETCH(record + model->stride - 1);
        bag->records[bag->many] = record;
    }
    bag->hashes[bag->many] = hash;
    bag->telling[bag->many] = (uint8_t)telling;
    bag->many += (size_t)wanted;
}

INLINE void emit(const Model *model, Bag *bag, uint64_t key, int telling) {
    put(model, bag, key, telling, 1);
}

INLINE uint64_t span(const Work *work, size_t start, size_t end) {
    uint64_t key = 0;
    while (end > start) key = key * GOLDEN + work->mixed[--end];
    return key | WORD;
}

/* Character n-grams; of letters alone only those of three, below. Both ends are breaks. */
INLINE void grams(const Model *model, const Work *work, Bag *bag, size_t size) {
    const uint32_t *c = work->codes;
    const uint8_t *k = work->kinds;
    const uint8_t plain = LETTER | EDGE | SPACE, untold = LETTER | DIGIT | EDGE;
    for (size_t at = 1; at + 1 < size; at++) put(model, bag, c[at], 0, !(k[at] & plain));
    if (model->longest >= 2)
        for (size_t at = 0; at + 1 < size; at++)
            put(model, bag, (uint64_t)c[at] << 21 | c[at + 1], !((k[at] | k[at + 1]) & untold),
                !(k[at] & plain) | !(k[at + 1] & plain));
    if (model->longest >= 3)
        for (size_t at = 0; at + 2 < size; at++)
            emit(model, bag, ((uint64_t)c[at] << 21 | c[at + 1]) << 21 | c[at + 2], 0);
}

/* N-grams of 4 and 5 of a word in letters; a blank or an end may stand at their ends. */
INLINE void letter_grams(const Model *model, const Work *work, Bag *bag, size_t size) {
    const uint8_t *k = work->kinds, edge = LETTER | EDGE | SPACE;
    size_t run = 0; /* letters directly before `at` */
    for (size_t at = 0; at < size; at++) {
        for (size_t inner = 2; inner <= 3 && run >= inner && k[at] & edge; inner++)
            if (at > inner && k[at - inner - 1] & edge)
                emit(model, bag, span(work, at - inner - 1, at + 1), 0);
        run = k[at] & LETTER ? run + 1 : 0;
    }
}

/* Whole words of letters and digits, and neighbours with one character between them. */
INLINE void words(const Model *model, const Work *work, Bag *bag, size_t size) {
    const uint8_t *k = work->kinds, inside = LETTER | DIGIT;
    size_t before = 0, before_end = 0;
    for (size_t at = 1; at < size;) {
        if (!(k[at] & inside)) { at++; continue; }
        size_t start = at;
        while (k[at] & inside) at++; /* ends at the break after the title */
        emit(model, bag, span(work, start, at), 1);
        if (before_end && start - before_end == 1) emit(model, bag, span(work, before, at), 0);
        before = start;
        before_end = at;
    }
}

/* Length, digits with their neighbours, and the row of punctuation marks. */
INLINE void shape(const Model *model, const Work *work, Bag *bag, size_t size) {
    const uint32_t *c = work->codes;
    const uint8_t *k = work->kinds;
    uint64_t sum = 0, power = GOLDEN, length = size - 2 < 63 ? size - 2 : 63;
    emit(model, bag, SHAPE | 1ull << 32 | length, 0);
    for (size_t at = 1; at + 1 < size;) {
        if (is_mark(c[at], k[at])) {
            sum += mix(c[at]) * power;
            power *= GOLDEN;
        }
        if (!(k[at] & DIGIT)) { at++; continue; }
        size_t start = at;
        while (k[at] & DIGIT) at++;
        uint64_t run = at - start < LONGEST_RUN ? at - start : LONGEST_RUN;
        emit(model, bag, SHAPE | 2ull << 32 | run, 0);
        uint64_t around = (uint64_t)c[start - 1] << 21 | c[at];
        emit(model, bag, (mix(around) >> 8 ^ run) | SHAPE, 0);
    }
    emit(model, bag, sum | SHAPE, 0);
}

/* All features of the title in work->codes[0 .. size), a BREAK at either end. */
INLINE void extract(const Model *model, Work *work, Bag *bag, size_t size) {
    int letters = 0, spelt = 0;
    bag->many = 0;
    for (size_t at = 0; at < size; at++) {
        uint8_t kind = kind_of(work->codes[at]);
        work->kinds[at] = kind;
        letters |= kind & LETTER;
        spelt |= kind & (LETTER | DIGIT);
    }
    grams(model, work, bag, size);
    if (spelt) {
        for (size_t at = 0; at < size; at++) work->mixed[at] = mix(work->codes[at]);
        if (letters) letter_grams(model, work, bag, size);
        words(model, work, bag, size);
    }
    if (model->shape) shape(model, work, bag, size);
}

INLINE uint32_t mask_of(uint32_t hash) {
    return 1u << (hash & 31) | 1u << (hash >> 5 & 31) | 1u << (hash >> 10 & 31) |
           1u << (hash >> 15 & 31);
}

/* The records of the features that training saw, and familiarity. */
INLINE size_t recognise(Work *work, const Bag *bag) {
    size_t known = 0, told = 0, familiar = 0;
    for (size_t at = 0; at < bag->many; at++) work->masks[at] = mask_of((uint32_t)bag->hashes[at]);
    for (size_t at = 0; at < bag->many; at++) {
        const uint8_t *record = bag->records[at];
        uint32_t mask = work->masks[at], filter;
        memcpy(&filter, record, sizeof filter);
        size_t hit = (filter & mask) == mask;
        work->known[known] = record;
        known += hit;
        told += bag->telling[at];
        familiar += bag->telling[at] & hit;
    }
    work->familiarity = (float)((double)familiar / (double)(told ? told : 1));
    return known;
}

/* How often each distinct record comes. The table is wide enough to meet few others. */
INLINE void count(const Model *model, Work *work, size_t known) {
    size_t mask = 511;
    while (mask < 2 * known) mask = 2 * mask + 1;
    if (mask >= SLOTS) mask = SLOTS - 1;
    memset(work->slots, 0, (mask + 1) * sizeof *work->slots);
    work->distinct = 0;
    for (size_t at = 0; at < known; at++) {
        const uint8_t *record = work->known[at];
        size_t place = (size_t)(record - model->records) >> 4;
        for (place = (place ^ place >> 9) & mask; work->slots[place]; place = (place + 1) & mask)
            if (work->known[work->slots[place] - 1] == record) break;
        if (work->slots[place]) {
            work->counts[work->slots[place] - 1]++;
            continue;
        }
        work->known[work->distinct] = record;
        work->counts[work->distinct++] = 1;
        work->slots[place] = (uint16_t)work->distinct;
    }
}

/* TF-IDF of each record, scaled to length 1. */
INLINE void measure(const Model *model, Work *work) {
    double square = 0;
    float length;
    for (size_t at = 0; at < work->distinct; at++) {
        float idf, value;
        memcpy(&idf, work->known[at] + IDF_AT, sizeof idf);
        value = model->tf[work->counts[at]] * idf;
        work->values[at] = value;
        value *= value;
        square += value;
    }
    length = (float)sqrt(square);
    for (size_t at = 0; at < work->distinct; at++) work->values[at] /= length;
}

/* Four times `fours` lanes, from `lane` on: the sum of the weights times TF-IDF. */
INLINE void add_up(Work *work, size_t lane, const int fours) {
    Four sums[5] = {{0}};
    for (size_t at = 0; at < work->distinct; at++) {
        const int16_t *row = (const int16_t *)(const void *)(work->known[at] + STEPS_AT) + lane;
        double by = work->values[at];
        for (int four = 0; four < fours; four++, row += 4) {
            Four32 steps = {row[0], row[1], row[2], row[3]};
            sums[four] += by * __builtin_convertvector(steps, Four);
        }
    }
    memcpy(work->sums + lane, sums, (size_t)fours * sizeof *sums);
}

INLINE void weigh(const Model *model, Work *work, size_t lanes) {
    size_t sections = (size_t)model->sections;
    measure(model, work);
    switch (lanes) { /* so that the compiler knows them */
    case 4: add_up(work, 0, 1); break;
    case 12: add_up(work, 0, 3); break;
    case 20: add_up(work, 0, 5); break;
    default:
        for (size_t lane = 0; lane < lanes; lane += 4) add_up(work, lane, 1);
    }
    for (size_t at = 0; at < sections; at++)
        work->margins[at] = (float)(work->sums[at] * model->scale[at] + model->bias[at]);
    for (size_t at = sections; at < lanes; at++) work->margins[at] = -INFINITY;
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

INLINE void judge_title(const Judge *judge, const Work *work, int32_t sections, size_t lanes,
                        const Answers *out, int64_t title) {
    const float *margins = work->margins;
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
        probability < judge->thresholds[best] || work->familiarity < judge->familiarity;
}

INLINE void finish(const Model *model, Work *work, const Bag *bag, const Judge *judge,
                   const Answers *out) {
    size_t sections = (size_t)model->sections;
    size_t lanes = (size_t)(model->stride - STEPS_AT) / sizeof(int16_t);
    count(model, work, recognise(work, bag));
    weigh(model, work, lanes);
    if (out->familiar) out->familiar[bag->title] = work->familiarity;
    if (out->margins)
        memcpy(out->margins + (size_t)bag->title * sections, work->margins,
               sections * sizeof *work->margins);
    if (judge) judge_title(judge, work, model->sections, lanes, out, bag->title);
}

/* Fold one raw title into work->codes; its size with both breaks, or 0 when it is HARD. */
INLINE size_t fold(const Model *model, Work *work, const uint32_t *raw, size_t many) {
    size_t size = 1;
    int waiting = 0, begun = 0;
    work->codes[0] = BREAK;
    for (size_t at = 0; at < many && at < MAX_CHARS; at++) {
        uint32_t code = raw[at];
        if (code < 0x10000)
            code = model->quick[code];
        else if (!((code >= 0x1F300 && code < 0x1FB00) || (code >= 0x20000 && code < 0x2A6E0)))
            return 0;
        if (code == HARD) return 0;
        if (code == BLANK) {
            waiting = begun;
            continue;
        }
        if (waiting) work->codes[size++] = BLANK;
        begun = 1;
        waiting = 0;
        if (code != DROP) work->codes[size++] = code;
    }
    work->codes[size++] = BREAK;
    return size;
}

INLINE size_t line_end(const uint32_t *codes, size_t at, size_t many) {
    while (at < many && codes[at] != BREAK) at++;
    return at;
}

/* The folded title that starts at codes[at]; its size with both breaks. */
INLINE size_t take(Work *work, const uint32_t *codes, size_t at, size_t end) {
    size_t size = 1;
    work->codes[0] = BREAK;
    while (at < end && size <= MAX_CHARS) work->codes[size++] = codes[at++];
    work->codes[size++] = BREAK;
    return size;
}

/* Margins, familiarity and, with a judge, answers of raw or folded titles. Returns the number
 * of titles found. */
WIDE int64_t scan_score(const Model *model, const Judge *judge, const uint32_t *codes,
                        int64_t many, int64_t titles, int32_t folded, const Answers *out) {
    Work *work = workspace();
    Bag *bag = work->bags, *before = work->bags + 1, *kept;
    size_t at = folded ? 1 : 0, all = (size_t)many;
    int64_t title = 0;
    if (model->sections > MAX_SECTIONS || model->sections < 1) return -1;
    before->title = -1;
    for (; title < titles && at <= all; title++) {
        size_t end = line_end(codes, at, all);
        size_t size = folded ? take(work, codes, at, end) : fold(model, work, codes + at, end - at);
        at = end + 1;
        out->hard[title] = size == 0;
        if (!size) continue;
        extract(model, work, bag, size);
        bag->title = title;
        if (before->title >= 0) finish(model, work, before, judge, out);
        kept = bag, bag = before, before = kept;
    }
    if (before->title >= 0) finish(model, work, before, judge, out);
    return title;
}

/* All features of folded titles: rows, hashes and whether they tell. Returns how many, or
 * -1 when there would be more than room. */
int64_t scan_extract(const Model *model, const uint32_t *codes, int64_t many, int64_t titles,
                     int64_t room, int64_t *rows, uint64_t *hashes, uint8_t *telling) {
    Work *work = workspace();
    Bag *bag = work->bags;
    size_t at = 1, all = (size_t)many;
    int64_t found = 0;
    for (int64_t title = 0; title < titles && at <= all; title++) {
        size_t end = line_end(codes, at, all);
        extract(model, work, bag, take(work, codes, at, end));
        at = end + 1;
        if (found + (int64_t)bag->many > room) return -1;
        for (size_t each = 0; each < bag->many; each++, found++) {
            rows[found] = title;
            hashes[found] = bag->hashes[each];
            telling[found] = bag->telling[each];
        }
    }
    return found;
}
