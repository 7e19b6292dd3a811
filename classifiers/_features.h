/* Code points of a title -> hashed features: the same as features.py, which stays the reference.
 * Nothing is allocated, and every index is bounded by the sizes below.
 */
#ifndef HEADLINES_FEATURES_H
#define HEADLINES_FEATURES_H

#include <stddef.h>
#include <stdint.h>

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
    LONGEST_RUN = 7
};
enum { OTHER = 0, LETTER = 1, DIGIT = 2, EDGE = 4, SPACE = 8 };

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
    uint32_t codes[MAX_CHARS + 2];
    uint64_t mixed[MAX_CHARS + 2];
    uint8_t kinds[MAX_CHARS + 2];
} Text;

/* The features of one title. */
typedef struct {
    uint64_t hashes[MAX_FEATURES];
    const uint8_t *records[MAX_FEATURES];
    uint8_t telling[MAX_FEATURES];
    size_t many;
    int64_t title;
} Bag;

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

INLINE uint64_t span(const Text *text, size_t start, size_t end) {
    uint64_t key = 0;
    while (end > start) key = key * GOLDEN + text->mixed[--end];
    return key | WORD;
}

/* Character n-grams; of letters alone only those of three, below. Both ends are breaks. */
INLINE void grams(const Model *model, const Text *text, Bag *bag, size_t size) {
    const uint32_t *c = text->codes;
    const uint8_t *k = text->kinds;
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
INLINE void letter_grams(const Model *model, const Text *text, Bag *bag, size_t size) {
    const uint8_t *k = text->kinds, edge = LETTER | EDGE | SPACE;
    size_t run = 0; /* letters directly before `at` */
    for (size_t at = 0; at < size; at++) {
        for (size_t inner = 2; inner <= 3 && run >= inner && k[at] & edge; inner++)
            if (at > inner && k[at - inner - 1] & edge)
                emit(model, bag, span(text, at - inner - 1, at + 1), 0);
        run = k[at] & LETTER ? run + 1 : 0;
    }
}

/* Whole words of letters and digits, and neighbours with one character between them. */
INLINE void words(const Model *model, const Text *text, Bag *bag, size_t size) {
    const uint8_t *k = text->kinds, inside = LETTER | DIGIT;
    size_t before = 0, before_end = 0;
    for (size_t at = 1; at < size;) {
        if (!(k[at] & inside)) { at++; continue; }
        size_t start = at;
        while (k[at] & inside) at++; /* ends at the break after the title */
        emit(model, bag, span(text, start, at), 1);
        if (before_end && start - before_end == 1) emit(model, bag, span(text, before, at), 0);
        before = start;
        before_end = at;
    }
}

/* Length, digits with their neighbours, and the row of punctuation marks. */
INLINE void shape(const Model *model, const Text *text, Bag *bag, size_t size) {
    const uint32_t *c = text->codes;
    const uint8_t *k = text->kinds;
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

/* All features of the title in text->codes[0 .. size), a BREAK at either end. */
INLINE void extract(const Model *model, Text *text, Bag *bag, size_t size) {
    int letters = 0, spelt = 0;
    bag->many = 0;
    for (size_t at = 0; at < size; at++) {
        uint8_t kind = kind_of(text->codes[at]);
        text->kinds[at] = kind;
        letters |= kind & LETTER;
        spelt |= kind & (LETTER | DIGIT);
    }
    grams(model, text, bag, size);
    if (spelt) {
        for (size_t at = 0; at < size; at++) text->mixed[at] = mix(text->codes[at]);
        if (letters) letter_grams(model, text, bag, size);
        words(model, text, bag, size);
    }
    if (model->shape) shape(model, text, bag, size);
}

#endif
