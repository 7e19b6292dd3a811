/* Code points of a title -> hashed features: the same as features.py, which stays the reference.
 * Nothing is allocated, and every index is bounded by the sizes below.
 */
#ifndef HEADLINES_FEATURES_H
#define HEADLINES_FEATURES_H

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

enum {
    BREAK = 10, /* at either end of a title */
    BLANK = 32,
    MAX_CHARS = 1000,
    EACH_AT_MOST = 8, /* features of a code point: three n-grams, two of letters, and fewer */
    MAX_FEATURES = EACH_AT_MOST * (MAX_CHARS + 2),
    LONGEST_RUN = 7,
    COUNTS = 5 /* of the characters of a title: all, digits, blanks, letters, marks */
};
enum {
    OTHER = 0,
    LETTER = 1,
    DIGIT = 2,
    EDGE = 4,
    SPACE = 8,
    PLAIN = 16, /* beside LETTER, EDGE and SPACE */
    KINDS = 0x600, /* code points whose kinds differ; those from there on are OTHER */
    BLOCK = 8      /* kinds that are looked at together */
};

static const uint64_t GOLDEN = 0x9E3779B97F4A7C15u;
static const uint64_t MIX = 0xD6E8FEB86659FD93u;
static const uint64_t EACH_BYTE = 0x0101010101010101u;
static const uint64_t WORD = 1ull << 63;
static const uint64_t SHAPE = 3ull << 62;

typedef struct {
    const uint16_t *quick;  /* 65,536: code point -> code point, DROP or HARD */
    const uint8_t *records; /* one a bucket: filter, idf, weights, zeros up to `stride` */
    const float *tf;        /* MAX_FEATURES + 1: the weight of a count */
    const float *scale;     /* one a column */
    const float *bias;      /* one a column */
    uint64_t shift;         /* of a hash, to its bucket */
    uint64_t stride;        /* bytes of a record, a multiple of 16 */
    uint64_t last;          /* of these bytes, or 0 where that lies in the first's cache line */
    int32_t longest;        /* of the n-grams, 1 to 3 */
    int32_t shape;
    int32_t letters;        /* n-grams of three to five of them? */
    int32_t columns;        /* weights of a bucket: the sections', and perhaps strangeness */
    int32_t sections;
    const float *most;   /* COUNTS: where those of a title are cut; NULL without a revision */
    const double *inner; /* (sections + COUNTS + 2) x hidden; the last row is added in any case */
    const double *outer; /* (hidden + 1) x the lanes of a record, likewise */
    int64_t hidden;      /* a multiple of 32, at most MOST_HIDDEN */
} Model;

typedef struct {
    uint32_t codes[MAX_CHARS + 2];
    uint64_t tails[MAX_CHARS + 4]; /* of each place, the hash of all from there on */
    uint8_t kinds[MAX_CHARS + 2 + BLOCK]; /* OTHER behind the title */
    int letters;                          /* are there any? */
} Text;

/* The features of one title. */
typedef struct {
    uint64_t hashes[MAX_FEATURES];
    const uint8_t *records[MAX_FEATURES];
    uint8_t telling[MAX_FEATURES];
    size_t many;
    int64_t title;
    uint32_t made_of[COUNTS];
} Bag;

INLINE uint64_t mix(uint64_t key) {
    key *= GOLDEN;
    key ^= key >> 32;
    key *= MIX;
    key ^= key >> 32;
    return key * GOLDEN;
}

/* What is asked for again and again, worked out when the library is opened. */
static struct {
    uint64_t mixed[128];            /* of the code points below */
    uint64_t powers[MAX_CHARS + 3]; /* of GOLDEN */
    uint8_t kinds[KINDS];
} known;

INLINE uint8_t kind_of(uint32_t code) {
    if (code >= 'a' && code <= 'z') return LETTER | PLAIN;
    if (code >= 0xC0) return LETTER | PLAIN; /* accented Latin, Greek, Cyrillic, Hebrew */
    if (code >= '0' && code <= '9') return DIGIT;
    if (code == BREAK) return EDGE | PLAIN;
    return code == BLANK ? SPACE | PLAIN : OTHER;
}

static __attribute__((constructor)) void work_out(void) {
    for (uint64_t code = 0; code < 128; code++) known.mixed[code] = mix(code);
    for (uint32_t code = 0; code < KINDS; code++) known.kinds[code] = kind_of(code);
    known.powers[0] = 1;
    for (size_t at = 1; at < MAX_CHARS + 3; at++) known.powers[at] = known.powers[at - 1] * GOLDEN;
}

/* Neither letter, digit, blank, break nor ideograph: punctuation, near enough. */
INLINE int is_mark(uint32_t code, uint8_t kind) {
    if (kind != OTHER) return 0;
    return !(code >= 0x2E80 && !(code >= 0x3000 && code < 0x3040) && code < 0xFE30);
}

/* Add a feature if `wanted`: written in any case, and kept by moving on. */
INLINE size_t put(const Model *model, Bag *bag, size_t many, uint64_t key, int telling,
                  int wanted) {
    uint64_t hash = mix(key);
    const uint8_t *record = model->records + (hash >> model->shift) * model->stride;
    FETCH(record);
    FETCH(record + model->last);
    bag->records[many] = record;
    bag->hashes[many] = hash;
    bag->telling[many] = (uint8_t)telling;
    return many + (size_t)wanted;
}

INLINE size_t emit(const Model *model, Bag *bag, size_t many, uint64_t key, int telling) {
    return put(model, bag, many, key, telling, 1);
}

/* A polynomial in GOLDEN of the mixed code points, the last having the highest power. */
INLINE void sum_tails(Text *text, size_t size) {
    text->tails[size] = 0;
    for (size_t at = size; at-- > 0;) {
        uint32_t code = text->codes[at];
        uint64_t mixed = code < 128 ? known.mixed[code] : mix(code);
        text->tails[at] = mixed + GOLDEN * text->tails[at + 1];
    }
}

INLINE uint64_t span(const Text *text, size_t start, size_t end) {
    return (text->tails[start] - known.powers[end - start] * text->tails[end]) | WORD;
}

/* The bits `which` of the kinds from `at` on. */
INLINE uint64_t block(const Text *text, size_t at, uint64_t which) {
    uint64_t kinds;
    memcpy(&kinds, text->kinds + at, BLOCK);
    return kinds & which * EACH_BYTE;
}

/* Character n-grams of one and two, from `from` to `end`; none of letters alone. */
INLINE size_t short_grams(const Model *model, const Text *text, Bag *bag, size_t many, size_t from,
                          size_t end) {
    const uint32_t *c = text->codes;
    const uint8_t *k = text->kinds, untold = LETTER | DIGIT | EDGE;
    for (size_t at = from; at < end; at++)
        many = put(model, bag, many, c[at], 0, !(k[at] & PLAIN));
    if (model->longest >= 2)
        for (size_t at = from; at < end; at++)
            many = put(model, bag, many, (uint64_t)c[at] << 21 | c[at + 1],
                       !((k[at] | k[at + 1]) & untold), !(k[at] & k[at + 1] & PLAIN));
    return many;
}

/* Those of three; of letters alone if the model wants them. */
INLINE size_t triples(const Model *model, const Text *text, Bag *bag, size_t many, size_t from,
                      size_t end) {
    const uint32_t *c = text->codes;
    const uint8_t *k = text->kinds, plain = model->letters ? 0 : PLAIN;
    for (size_t at = from; at < end; at++)
        many = put(model, bag, many, ((uint64_t)c[at] << 21 | c[at + 1]) << 21 | c[at + 2], 0,
                   !(k[at] & k[at + 1] & k[at + 2] & plain));
    return many;
}

/* Character n-grams. Both ends are breaks. */
INLINE size_t grams(const Model *model, const Text *text, Bag *bag, size_t many, size_t size) {
    size_t last = size - 1, step = text->letters ? BLOCK : size;
    for (size_t from = 0; from < last; from += step) {
        size_t end = from + step < last ? from + step : last;
        int plain = text->letters && block(text, from, PLAIN) == PLAIN * EACH_BYTE &&
                    text->kinds[from + BLOCK] & PLAIN;
        if (!plain) many = short_grams(model, text, bag, many, from, end);
        if (model->longest >= 3 &&
            (model->letters || !plain || !(text->kinds[from + BLOCK + 1] & PLAIN)))
            many = triples(model, text, bag, many, from, end < last ? end : last - 1);
    }
    return many;
}

/* N-grams of 4 and 5 of a word in letters; a blank or an end may stand at their ends. */
INLINE size_t letter_grams(const Model *model, const Text *text, Bag *bag, size_t many,
                           size_t size) {
    const uint8_t *k = text->kinds;
    for (size_t from = 0; from + 3 < size; from += BLOCK) {
        size_t end = from + BLOCK < size - 3 ? from + BLOCK : size - 3;
        if (!block(text, from + 1, LETTER)) continue;
        for (size_t at = from; at < end; at++) {
            int inner = k[at] / PLAIN & k[at + 1] & k[at + 2]; /* a bit, as LETTER is 1 */
            int four = inner & k[at + 3] / PLAIN, five = inner & k[at + 3] & k[at + 4] / PLAIN;
            many = put(model, bag, many, span(text, at, at + 4), 0, four);
            many = put(model, bag, many, span(text, at, at + 5), 0, five);
        }
    }
    return many;
}

/* Whole words of letters and digits, and neighbours with one character between them. */
INLINE size_t words(const Model *model, const Text *text, Bag *bag, size_t many, size_t size) {
    const uint8_t *k = text->kinds, inside = LETTER | DIGIT;
    size_t before = 0, before_end = 0;
    for (size_t at = 1; at < size;) {
        if (!(k[at] & inside)) { at++; continue; }
        size_t start = at;
        while (k[at] & inside) at++; /* ends at the break after the title */
        many = emit(model, bag, many, span(text, start, at), 1);
        if (before_end && start - before_end == 1)
            many = emit(model, bag, many, span(text, before, at), 0);
        before = start;
        before_end = at;
    }
    return many;
}

/* Length, digits with their neighbours, and the row of punctuation marks. */
INLINE size_t shape(const Model *model, const Text *text, Bag *bag, size_t many, size_t size) {
    const uint32_t *c = text->codes;
    const uint8_t *k = text->kinds;
    uint64_t sum = 0, power = GOLDEN, length = size - 2 < 63 ? size - 2 : 63;
    many = emit(model, bag, many, SHAPE | 1ull << 32 | length, 0);
    for (size_t at = 1; at + 1 < size;) {
        if (is_mark(c[at], k[at])) {
            sum += mix(c[at]) * power;
            power *= GOLDEN;
        }
        if (!(k[at] & DIGIT)) { at++; continue; }
        size_t start = at;
        while (k[at] & DIGIT) at++;
        uint64_t run = at - start < LONGEST_RUN ? at - start : LONGEST_RUN;
        many = emit(model, bag, many, SHAPE | 2ull << 32 | run, 0);
        uint64_t around = (uint64_t)c[start - 1] << 21 | c[at];
        many = emit(model, bag, many, (mix(around) >> 8 ^ run) | SHAPE, 0);
    }
    return emit(model, bag, many, sum | SHAPE, 0);
}

/* How many characters the title has, and of what kinds. */
INLINE void make_up(const Text *text, Bag *bag, size_t size) {
    uint32_t digits = 0, blanks = 0, letters = 0, marks = 0;
    for (size_t at = 1; at + 1 < size; at++) {
        uint8_t kind = text->kinds[at];
        digits += (kind & DIGIT) != 0;
        blanks += (kind & SPACE) != 0;
        letters += kind & LETTER;
        marks += (uint32_t)is_mark(text->codes[at], kind);
    }
    bag->made_of[0] = (uint32_t)size - 2;
    bag->made_of[1] = digits;
    bag->made_of[2] = blanks;
    bag->made_of[3] = letters;
    bag->made_of[4] = marks;
}

/* All features of the title in text->codes[0 .. size), a BREAK at either end. */
INLINE void extract(const Model *model, Text *text, Bag *bag, size_t size) {
    int kinds = 0;
    size_t many = 0;
    for (size_t at = 0; at < size; at++) {
        uint32_t code = text->codes[at];
        uint8_t kind = code < KINDS ? known.kinds[code] : OTHER;
        text->kinds[at] = kind;
        kinds |= kind;
    }
    memset(text->kinds + size, OTHER, BLOCK);
    text->letters = kinds & LETTER;
    many = grams(model, text, bag, many, size);
    if (kinds & (LETTER | DIGIT)) {
        sum_tails(text, size);
        if (model->letters && text->letters) many = letter_grams(model, text, bag, many, size);
        many = words(model, text, bag, many, size);
    }
    if (model->shape) many = shape(model, text, bag, many, size);
    if (model->most) make_up(text, bag, size);
    bag->many = many;
}

#endif
