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
#include <string.h>

#include "_features.h"
#include "_judge.h"

#ifndef SOURCE_DIGEST
#define SOURCE_DIGEST "unknown"
#endif

enum {
    DROP = 0,
    HARD = 1,
    SLOTS = 16384, /* a power of two, more than MAX_FEATURES */
    MAX_SECTIONS = 1024,
    MAX_LANES = MAX_SECTIONS + 8,
    LONG = 1000, /* features: a title with more of them is no headline */
    IDF_AT = 4,  /* bytes of a record before its idf */
    STEPS_AT = 8 /* and before its weights */
};

typedef struct {
    Text text;
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

static _Thread_local Work works;

/* Apart, or its address would be looked up again at every use. */
static APART Work *workspace(void) { return &works; }

const char *scan_digest(void) { return SOURCE_DIGEST; }
int32_t scan_limits(int32_t which) { return which == 0 ? MAX_FEATURES : MAX_SECTIONS; }

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
    if (bag->many > LONG) familiar = 0;
    work->familiarity = (float)((double)familiar / (double)(told ? told : 1));
    return known;
}

/* How often each distinct record comes. The table is wide enough to meet few others. */
INLINE void count(const Model *model, Work *work, size_t known) {
    size_t mask = 1023;
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

/* A second look: at the margins in work->sums, and at how the title is made. */
INLINE void look_again(const Model *model, Work *work, const Bag *bag, size_t lanes) {
    double seen[MOST_SECTIONS + COUNTS + 1], *next = seen + model->sections;
    memcpy(seen, work->sums, (size_t)model->sections * sizeof *seen);
    for (size_t at = 0; at < COUNTS; at++) {
        double most = model->most[at];
        *next++ = bag->made_of[at] < most ? bag->made_of[at] : most;
    }
    *next = work->familiarity;
    revise(model, seen, work->sums, lanes);
}

/* Margins of the sections; a strange title is not familiar. */
INLINE void weigh(const Model *model, Work *work, const Bag *bag, size_t lanes) {
    size_t sections = (size_t)model->sections, columns = (size_t)model->columns;
    measure(model, work);
    switch (lanes) { /* so that the compiler knows them */
    case 4: add_up(work, 0, 1); break;
    case 12: add_up(work, 0, 3); break;
    case 20: add_up(work, 0, 5); break;
    default:
        for (size_t lane = 0; lane < lanes; lane += 4) add_up(work, lane, 1);
    }
    for (size_t at = 0; at < columns; at++)
        work->sums[at] = work->sums[at] * model->scale[at] + model->bias[at];
    int strange = columns > sections && work->sums[sections] > 0;
    if (model->most) look_again(model, work, bag, lanes);
    if (strange) work->familiarity = 0;
    for (size_t at = 0; at < sections; at++) work->margins[at] = (float)work->sums[at];
    for (size_t at = sections; at < lanes; at++) work->margins[at] = -INFINITY;
}

INLINE void finish(const Model *model, Work *work, const Bag *bag, const Judge *judge,
                   const Answers *out) {
    size_t sections = (size_t)model->sections;
    size_t lanes = (size_t)(model->stride - STEPS_AT) / sizeof(int16_t);
    count(model, work, recognise(work, bag));
    weigh(model, work, bag, lanes);
    if (out->margins)
        memcpy(out->margins + (size_t)bag->title * sections, work->margins,
               sections * sizeof *work->margins);
    if (judge) judge_title(judge, work->margins, model->sections, lanes, work->familiarity, out,
                           bag->title);
}

/* The quick table's word on a code point: what it becomes, DROP or HARD. */
INLINE uint32_t look_up(const Model *model, uint32_t code) {
    if (code < 0x10000) return model->quick[code];
    return (code >= 0x1F300 && code < 0x1FB00) || (code >= 0x20000 && code < 0x2A6E0) ? code : HARD;
}

/* The same of a title with code points that are dropped or hard: a dropped one parts blanks. */
static size_t fold_odd(const Model *model, Text *text, const uint32_t *raw, size_t many) {
    size_t size = 1;
    int waiting = 0, begun = 0;
    for (size_t at = 0; at < many; at++) {
        uint32_t code = look_up(model, raw[at]);
        if (code == HARD) return 0;
        if (code == BLANK) {
            waiting = begun;
            continue;
        }
        if (waiting) text->codes[size++] = BLANK;
        begun = 1;
        waiting = 0;
        if (code != DROP) text->codes[size++] = code;
    }
    text->codes[size++] = BREAK;
    return size;
}

/* Fold one raw title into text->codes; its size with both breaks, or 0 when it is HARD. One
 * blank stands for a row of them, and none at the ends. */
INLINE size_t fold(const Model *model, Text *text, const uint32_t *raw, size_t many) {
    uint32_t *codes = text->codes, before = BLANK;
    size_t size = 1, odd = 0;
    codes[0] = BREAK;
    for (size_t at = 0; at < many; at++) {
        uint32_t code = look_up(model, raw[at]);
        odd |= code <= HARD;
        codes[size] = code;
        size += !((code == BLANK) & (before == BLANK));
        before = code;
    }
    if (odd) return fold_odd(model, text, raw, many);
    size -= size > 1 && before == BLANK;
    codes[size++] = BREAK;
    return size;
}

INLINE size_t line_end(const uint32_t *codes, size_t at, size_t many) {
    while (at < many && codes[at] != BREAK) at++;
    return at;
}

/* The folded title that starts at codes[at]; its size with both breaks. */
INLINE size_t take(Text *text, const uint32_t *codes, size_t at, size_t end) {
    size_t size = 1;
    text->codes[0] = BREAK;
    while (at < end && size <= MAX_CHARS) text->codes[size++] = codes[at++];
    text->codes[size++] = BREAK;
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
    if (model->columns > MAX_SECTIONS || model->sections < 1) return -1;
    if (model->most && (model->sections > MOST_SECTIONS || model->hidden > MOST_HIDDEN)) return -1;
    before->title = -1;
    for (; title < titles && at <= all; title++) {
        size_t end = line_end(codes, at, all);
        size_t length = end - at < MAX_CHARS ? end - at : MAX_CHARS;
        size_t size = folded ? take(&work->text, codes, at, end)
                             : fold(model, &work->text, codes + at, length);
        at = end + 1;
        out->hard[title] = size == 0;
        if (!size) continue;
        extract(model, &work->text, bag, size);
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
        extract(model, &work->text, bag, take(&work->text, codes, at, end));
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
