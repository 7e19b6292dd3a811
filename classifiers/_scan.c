/* Titles -> hashed features -> TF-IDF -> margins, in one pass over their code points.
 *
 * The same features, numbers and order of operations as features.py, lexicon.py and
 * compiled.py, which stay the reference and serve where there is no C compiler. No Python
 * headers: a plain shared library, called with ctypes. Nothing is allocated; each thread
 * has a workspace of its own. Every index is bounded by the sizes that the caller states.
 *
 * Text comes in one of two forms. Raw: UTF-32, titles parted by line feeds; of each the
 * first MAX_CHARS code points are folded with the table `quick`, and a title that holds a
 * code point which the table calls HARD is left to the caller. Folded: what text.encode()
 * gives, a BREAK before and after each title.
 */
#include <stddef.h>
#include <stdint.h>
#include <math.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif
#if defined(__GNUC__)
#define FETCH(address) __builtin_prefetch(address)
#else
#define FETCH(address) ((void)(address))
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
    MAX_FEATURES = 16384, /* a title of MAX_CHARS has at most about 8,000 */
    SLOTS = 32768,        /* a power of two, twice MAX_FEATURES */
    MAX_SECTIONS = 1024,
    LONGEST_RUN = 7
};

static const uint64_t GOLDEN = 0x9E3779B97F4A7C15u;
static const uint64_t MIX = 0xD6E8FEB86659FD93u;
static const uint64_t WORD = 1ull << 63;
static const uint64_t SHAPE = 3ull << 62;

typedef struct {
    const uint16_t *quick; /* 65,536: code point -> code point, DROP or HARD */
    const uint8_t *seen;   /* the filter, seen_bits / 8 bytes */
    const float *idf;      /* one a bucket */
    const float *tf;       /* MAX_FEATURES + 1: the weight of a count */
    const int16_t *steps;  /* buckets x sections */
    const float *scale;    /* one a section */
    const float *bias;     /* one a section */
    uint64_t seen_bits;    /* a power of two, at least 512 */
    int32_t bits;          /* buckets are 1 << bits */
    int32_t longest;       /* of the n-grams, 1 to 3 */
    int32_t shape;
    int32_t sections;
} Model;

typedef struct {
    uint32_t codes[MAX_CHARS + 2];
    uint64_t mixed[MAX_CHARS + 2];
    uint8_t kinds[MAX_CHARS + 2];
    uint64_t hashes[MAX_FEATURES];
    uint8_t telling[MAX_FEATURES];
    uint32_t buckets[MAX_FEATURES];
    uint32_t counts[MAX_FEATURES];
    uint32_t places[MAX_FEATURES];
    uint32_t slots[SLOTS];
    double sums[MAX_SECTIONS];
    size_t features, known, told, familiar, distinct;
} Work;

static _Thread_local Work works;

enum { OTHER = 0, LETTER = 1, DIGIT = 2, EDGE = 4, SPACE = 8 };

const char *scan_digest(void) { return SOURCE_DIGEST; }
int32_t scan_limits(int32_t which) { return which == 0 ? MAX_FEATURES : MAX_SECTIONS; }

static inline uint64_t mix(uint64_t key) {
    key *= GOLDEN;
    key ^= key >> 32;
    key *= MIX;
    key ^= key >> 32;
    return key * GOLDEN;
}

static inline uint8_t kind_of(uint32_t code) {
    if (code >= 'a' && code <= 'z') return LETTER;
    if (code >= 0x600 || code < 0xC0) {
        if (code >= '0' && code <= '9') return DIGIT;
        if (code == BREAK) return EDGE;
        return code == BLANK ? SPACE : OTHER;
    }
    return LETTER; /* accented Latin, Greek, Cyrillic, Hebrew */
}

/* Neither letter, digit, blank, break nor ideograph: punctuation, near enough. */
static inline int is_mark(uint32_t code, uint8_t kind) {
    if (kind != OTHER) return 0;
    return !(code >= 0x2E80 && !(code >= 0x3000 && code < 0x3040) && code < 0xFE30);
}

static inline uint64_t block_of(const Model *model, uint64_t hash) {
    return hash & (model->seen_bits - 1) & ~(uint64_t)511;
}

static inline void emit(const Model *model, Work *work, uint64_t key, int telling) {
    if (work->features >= MAX_FEATURES) return;
    uint64_t hash = mix(key);
    if (model->seen) FETCH(model->seen + (block_of(model, hash) >> 3));
    work->hashes[work->features] = hash;
    work->telling[work->features++] = (uint8_t)telling;
}

static uint64_t span(const Work *work, size_t start, size_t end) {
    uint64_t key = 0;
    while (end > start) key = key * GOLDEN + work->mixed[--end];
    return key | WORD;
}

/* Character n-grams; of letters alone only those of three, below. */
static void grams(const Model *model, Work *work, size_t size) {
    const uint32_t *c = work->codes;
    const uint8_t *k = work->kinds;
    const uint8_t plain = LETTER | EDGE | SPACE, untold = LETTER | DIGIT | EDGE;
    for (size_t at = 1; at + 1 < size; at++)
        if (!(k[at] & plain)) emit(model, work, c[at], 0);
    if (model->longest >= 2)
        for (size_t at = 0; at + 1 < size; at++)
            if (!(k[at] & plain && k[at + 1] & plain))
                emit(model, work, (uint64_t)c[at] << 21 | c[at + 1],
                     !((k[at] | k[at + 1]) & untold));
    if (model->longest >= 3)
        for (size_t at = 0; at + 2 < size; at++)
            if (!(k[at + 1] & EDGE))
                emit(model, work, ((uint64_t)c[at] << 21 | c[at + 1]) << 21 | c[at + 2], 0);
}

/* N-grams of 4 and 5 of a word in letters; a blank or an end may stand at their ends. */
static void letter_grams(const Model *model, Work *work, size_t size) {
    const uint8_t *k = work->kinds, edge = LETTER | EDGE | SPACE;
    size_t run = 0; /* letters directly before `at` */
    for (size_t at = 0; at < size; at++) {
        for (size_t inner = 2; inner <= 3 && run >= inner && k[at] & edge; inner++)
            if (at > inner && k[at - inner - 1] & edge)
                emit(model, work, span(work, at - inner - 1, at + 1), 0);
        run = k[at] & LETTER ? run + 1 : 0;
    }
}

/* Whole words of letters and digits, and neighbours with one character between them. */
static void words(const Model *model, Work *work, size_t size) {
    const uint8_t *k = work->kinds, inside = LETTER | DIGIT;
    size_t before = 0, before_end = 0;
    for (size_t at = 1; at < size;) {
        if (!(k[at] & inside)) { at++; continue; }
        size_t start = at;
        while (k[at] & inside) at++; /* ends at the break after the title */
        emit(model, work, span(work, start, at), 1);
        if (before_end && start - before_end == 1) emit(model, work, span(work, before, at), 0);
        before = start;
        before_end = at;
    }
}

/* Length, digits with their neighbours, and the row of punctuation marks. */
static void shape(const Model *model, Work *work, size_t size) {
    const uint32_t *c = work->codes;
    const uint8_t *k = work->kinds;
    uint64_t sum = 0, power = GOLDEN, length = size - 2 < 63 ? size - 2 : 63;
    emit(model, work, SHAPE | 1ull << 32 | length, 0);
    for (size_t at = 1; at + 1 < size;) {
        if (is_mark(c[at], k[at])) {
            sum += mix(c[at]) * power;
            power *= GOLDEN;
        }
        if (!(k[at] & DIGIT)) { at++; continue; }
        size_t start = at;
        while (k[at] & DIGIT) at++;
        uint64_t run = at - start < LONGEST_RUN ? at - start : LONGEST_RUN;
        emit(model, work, SHAPE | 2ull << 32 | run, 0);
        uint64_t around = (uint64_t)c[start - 1] << 21 | c[at];
        emit(model, work, (mix(around) >> 8 ^ run) | SHAPE, 0);
    }
    emit(model, work, sum | SHAPE, 0);
}

/* All features of the title in work->codes[0 .. size), a BREAK at either end. */
static void extract(const Model *model, Work *work, size_t size) {
    int letters = 0, spelt = 0;
    work->features = 0;
    for (size_t at = 0; at < size; at++) {
        uint8_t kind = kind_of(work->codes[at]);
        work->kinds[at] = kind;
        letters |= kind & LETTER;
        spelt |= kind & (LETTER | DIGIT);
    }
    grams(model, work, size);
    if (spelt) {
        for (size_t at = 0; at < size; at++) work->mixed[at] = mix(work->codes[at]);
        if (letters) letter_grams(model, work, size);
        words(model, work, size);
    }
    if (model->shape) shape(model, work, size);
}

static inline int is_seen(const Model *model, uint64_t hash) {
    const uint8_t *line = model->seen + (block_of(model, hash) >> 3);
    uint64_t first = hash & 511, second = hash >> 20 & 511;
    return line[first >> 3] >> (first & 7) & line[second >> 3] >> (second & 7) & 1;
}

/* Counts of the distinct buckets of the features that training saw, and familiarity. */
static void count(const Model *model, Work *work) {
    uint32_t mask = 127;
    while (mask < 2 * work->features) mask = 2 * mask + 1;
    work->told = work->familiar = work->distinct = 0;
    for (size_t at = 0; at < work->features; at++) {
        uint64_t hash = work->hashes[at];
        work->told += work->telling[at];
        if (!is_seen(model, hash)) continue;
        work->familiar += work->telling[at];
        uint32_t bucket = (uint32_t)(hash >> (64 - model->bits)), place = bucket & mask;
        while (work->slots[place] && work->buckets[work->slots[place] - 1] != bucket)
            place = (place + 1) & mask;
        if (work->slots[place]) {
            work->counts[work->slots[place] - 1]++;
            continue;
        }
        FETCH(model->idf + bucket);
        if (model->steps) {
            const char *row = (const char *)(model->steps + (size_t)bucket * model->sections);
            FETCH(row);
            FETCH(row + 2 * model->sections - 1);
        }
        work->places[work->distinct] = place;
        work->buckets[work->distinct] = bucket;
        work->counts[work->distinct++] = 1;
        work->slots[place] = (uint32_t)work->distinct;
    }
    for (size_t at = 0; at < work->distinct; at++) work->slots[work->places[at]] = 0;
}

static inline float weight(const Model *model, const Work *work, size_t at) {
    return model->tf[work->counts[at]] * model->idf[work->buckets[at]];
}

static float length_of(const Model *model, const Work *work) {
    double sum = 0;
    for (size_t at = 0; at < work->distinct; at++) {
        float value = weight(model, work, at), square = value * value;
        sum += square;
    }
    return (float)sqrt(sum);
}

static float familiarity(const Work *work) {
    return (float)((double)work->familiar / (double)(work->told ? work->told : 1));
}

WIDE static void add_row(double *restrict sums, const int16_t *restrict row, float value, int32_t n) {
    double by = value;
    for (int32_t at = 0; at < n; at++) sums[at] += by * row[at];
}

static void margins_of(const Model *model, Work *work, float *out) {
    int32_t n = model->sections;
    float length = length_of(model, work);
    for (int32_t at = 0; at < n; at++) work->sums[at] = 0;
    for (size_t at = 0; at < work->distinct; at++) {
        const int16_t *row = model->steps + (size_t)work->buckets[at] * n;
        add_row(work->sums, row, weight(model, work, at) / length, n);
    }
    for (int32_t at = 0; at < n; at++)
        out[at] = (float)(work->sums[at] * model->scale[at] + model->bias[at]);
}

/* Fold one raw title into work->codes; its size with both breaks, or 0 when it is HARD. */
static size_t fold(const Model *model, Work *work, const uint32_t *raw, size_t many) {
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

static size_t line_end(const uint32_t *codes, size_t at, size_t many) {
    while (at < many && codes[at] != BREAK) at++;
    return at;
}

/* The folded title that starts at codes[at]; its size with both breaks. */
static size_t take(Work *work, const uint32_t *codes, size_t at, size_t end) {
    size_t size = 1;
    work->codes[0] = BREAK;
    while (at < end && size <= MAX_CHARS) work->codes[size++] = codes[at++];
    work->codes[size++] = BREAK;
    return size;
}

/* Margins (titles x sections) and familiarity of raw or folded titles. hard[t] is 1 for a
 * raw title that is left to the caller. Returns the number of titles found. */
int64_t scan_score(const Model *model, const uint32_t *codes, int64_t many, int64_t titles,
                   int32_t folded, float *margins, float *familiar, uint8_t *hard) {
    Work *work = &works;
    size_t at = folded ? 1 : 0, all = (size_t)many;
    int64_t title = 0;
    if (model->sections > MAX_SECTIONS) return -1;
    for (; title < titles && at <= all; title++) {
        size_t end = line_end(codes, at, all);
        size_t size = folded ? take(work, codes, at, end) : fold(model, work, codes + at, end - at);
        at = end + 1;
        hard[title] = size == 0;
        if (!size) continue;
        extract(model, work, size);
        count(model, work);
        margins_of(model, work, margins + title * model->sections);
        familiar[title] = familiarity(work);
    }
    return title;
}

/* All features of folded titles: rows, hashes and whether they tell. Returns how many, or
 * -1 when there would be more than room. */
int64_t scan_extract(const Model *model, const uint32_t *codes, int64_t many, int64_t titles,
                     int64_t room, int64_t *rows, uint64_t *hashes, uint8_t *telling) {
    Work *work = &works;
    size_t at = 1, all = (size_t)many;
    int64_t found = 0;
    for (int64_t title = 0; title < titles && at <= all; title++) {
        size_t end = line_end(codes, at, all);
        extract(model, work, take(work, codes, at, end));
        at = end + 1;
        if (found + (int64_t)work->features > room) return -1;
        for (size_t each = 0; each < work->features; each++, found++) {
            rows[found] = title;
            hashes[found] = work->hashes[each];
            telling[found] = work->telling[each];
        }
    }
    return found;
}
