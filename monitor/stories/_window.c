/* The window of window.py, which says what it means and why: the same answers from the same calls. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
  BUCKETS = 1 << 19,
  POSTINGS = 6,
  PROBES = 7,
  MOST_GRAMS = 24,
  NEAREST = 6,
  LEAST = 1000,
  CROWDED = 150000,
  RING = 64, /* what rings.py keeps of a key */
  SIZES = 3,
  MET = (PROBES + 1) * RING, /* at most, of one look-up */
  SLOTS = 1024               /* a power of two above twice MET less one ring */
};
static const int32_t BLOCKS[SIZES] = {4, 16, RING};
static const double FINENESS = 1024.0, MOST = 0.55, LEAST_SHARED = 0.25;

enum { DONE = 0, NO_MEMORY = -1, NO_GRAM = -2 };

/* What rings.py has: a free block's first number is the next free one's place, or -1. */
typedef struct {
  int32_t *start;
  uint8_t *count;
  int32_t *flat;
  int64_t used, room;
  int32_t unused[SIZES];
} Rings;

typedef struct {
  int64_t id, at;
  uint32_t grams; /* where those begin that are remembered */
  int32_t link;
} Entry;

typedef struct {
  int64_t capacity, entries, entry_room, grams_used, grams_room;
  Entry *entry;
  uint32_t *grams, *seen;
  uint8_t *asked; /* of each gram its place among those looked for, from 1 */
  Rings having, linked;
} Window;

typedef struct {
  int64_t weight;
  int32_t place;
} Found;

const char *window_digest(void) { return SOURCE_DIGEST; }

static void rings_clear(Rings *rings) {
  memset(rings->count, 0, BUCKETS);
  rings->used = 0;
  for (int size = 0; size < SIZES; size++) rings->unused[size] = -1;
}

static int rings_open(Rings *rings) {
  rings->start = calloc(BUCKETS, sizeof *rings->start);
  rings->count = malloc(BUCKETS);
  if (!rings->start || !rings->count) return NO_MEMORY;
  rings_clear(rings);
  return DONE;
}

static void rings_close(Rings *rings) {
  free(rings->start);
  free(rings->count);
  free(rings->flat);
}

/* The place of a block of BLOCKS[size] numbers, or NO_MEMORY. */
static int32_t rings_block(Rings *rings, int size) {
  int32_t place = rings->unused[size];
  if (place >= 0) {
    rings->unused[size] = rings->flat[place];
    return place;
  }
  if (rings->used + BLOCKS[size] > rings->room) {
    int64_t room = rings->room + rings->room / 8 + 4096;
    if (room > INT32_MAX) return NO_MEMORY;
    int32_t *flat = realloc(rings->flat, (size_t)room * sizeof *flat);
    if (!flat) return NO_MEMORY;
    rings->flat = flat;
    rings->room = room;
  }
  place = (int32_t)rings->used;
  rings->used += BLOCKS[size];
  return place;
}

static int rings_put(Rings *rings, uint32_t key, int32_t number) {
  uint8_t count = rings->count[key];
  for (int size = 0; size < SIZES; size++) {
    if (count != (size ? BLOCKS[size - 1] : 0)) continue;
    int32_t place = rings_block(rings, size);
    if (place < 0) return NO_MEMORY;
    if (size) {
      int32_t old = rings->start[key];
      memcpy(rings->flat + place, rings->flat + old, count * sizeof(int32_t));
      rings->flat[old] = rings->unused[size - 1];
      rings->unused[size - 1] = old;
    }
    rings->start[key] = place;
  }
  rings->flat[rings->start[key] + count % RING] = number;
  /* So that it neither looks like a block to grow, nor ends. */
  rings->count[key] = count < 2 * RING - 1 ? count + 1 : RING;
  return DONE;
}

static int rings_of(const Rings *rings, uint32_t key, const int32_t **numbers) {
  int count = rings->count[key];
  *numbers = count ? rings->flat + rings->start[key] : NULL;
  return count < RING ? count : RING;
}

void window_free(Window *window) {
  if (!window) return;
  rings_close(&window->having);
  rings_close(&window->linked);
  free(window->entry);
  free(window->grams);
  free(window->seen);
  free(window->asked);
  free(window);
}

Window *window_new(int64_t capacity) {
  Window *window = calloc(1, sizeof *window);
  if (!window) return NULL;
  window->capacity = capacity;
  window->seen = calloc(BUCKETS, sizeof *window->seen);
  window->asked = calloc(BUCKETS, 1);
  int failed = rings_open(&window->having) | rings_open(&window->linked);
  if (window->seen && window->asked && !failed) return window;
  window_free(window);
  return NULL;
}

int64_t window_size(const Window *window) { return window->entries; }

int64_t window_last(const Window *window) {
  return window->entries ? window->entry[window->entries - 1].id : 0;
}

/* Puts the at most `most` grams that were met least into `rare`, the rarest first, else in their
   order; returns how many, or NO_GRAM where one is none. */
static int rarest(const Window *window, const uint32_t *grams, int64_t count, uint32_t *rare) {
  uint32_t met[MOST_GRAMS];
  int found = 0;
  for (int64_t at = 0; at < count; at++) {
    if (grams[at] >= BUCKETS) return NO_GRAM;
    uint32_t seen = window->seen[grams[at]];
    if (found == MOST_GRAMS && seen >= met[found - 1]) continue;
    int place = found < MOST_GRAMS ? found++ : found - 1;
    for (; place && seen < met[place - 1]; place--) {
      met[place] = met[place - 1];
      rare[place] = rare[place - 1];
    }
    met[place] = seen;
    rare[place] = grams[at];
  }
  return found;
}

static int post(Window *window, int32_t place, const uint32_t *rare, int count, int32_t link) {
  for (int at = 0; at < count && at < POSTINGS; at++)
    if (rings_put(&window->having, rare[at], place)) return NO_MEMORY;
  return link < 0 ? DONE : rings_put(&window->linked, (uint32_t)link, place);
}

static int make_room(Window *window) {
  if (window->entries == window->entry_room) {
    int64_t room = window->entry_room + window->entry_room / 8 + 1024;
    Entry *entry = realloc(window->entry, (size_t)room * sizeof *entry);
    if (!entry) return NO_MEMORY;
    window->entry = entry;
    window->entry_room = room;
  }
  if (window->grams_used + MOST_GRAMS > window->grams_room) {
    int64_t room = window->grams_room + window->grams_room / 8 + 16384;
    if (room > UINT32_MAX) return NO_MEMORY;
    uint32_t *grams = realloc(window->grams, (size_t)room * sizeof *grams);
    if (!grams) return NO_MEMORY;
    window->grams = grams;
    window->grams_room = room;
  }
  return DONE;
}

/* Where the grams of the entry end. */
static int64_t grams_end(const Window *window, int64_t place) {
  return place + 1 < window->entries ? window->entry[place + 1].grams : window->grams_used;
}

/* Forgets the older half, and half of what was counted. */
static int shrink(Window *window) {
  int64_t first = window->entries - window->capacity;
  uint32_t begin = window->entry[first].grams;
  window->grams_used -= begin;
  memmove(window->grams, window->grams + begin, (size_t)window->grams_used * sizeof(uint32_t));
  memmove(window->entry, window->entry + first, (size_t)window->capacity * sizeof(Entry));
  window->entries = window->capacity;
  rings_clear(&window->having);
  rings_clear(&window->linked);
  for (int64_t place = 0; place < window->entries; place++) window->entry[place].grams -= begin;
  for (int64_t place = 0; place < window->entries; place++) {
    const Entry *entry = window->entry + place;
    int count = (int)(grams_end(window, place) - entry->grams);
    if (post(window, (int32_t)place, window->grams + entry->grams, count, entry->link))
      return NO_MEMORY;
  }
  for (int64_t gram = 0; gram < BUCKETS; gram++)
    window->seen[gram] = window->seen[gram] / 2 + window->seen[gram] % 2;
  return DONE;
}

int window_add(Window *window, int64_t id, int64_t at, const uint32_t *grams, int64_t count,
               int32_t link) {
  uint32_t rare[MOST_GRAMS];
  for (int64_t place = 0; place < count; place++)
    if (grams[place] >= BUCKETS) return NO_GRAM;
  if (link >= BUCKETS) return NO_GRAM;
  if (make_room(window)) return NO_MEMORY;
  for (int64_t place = 0; place < count; place++) window->seen[grams[place]]++;
  int found = rarest(window, grams, count, rare);
  int64_t place = window->entries++;
  window->entry[place] = (Entry){id, at, (uint32_t)window->grams_used, link};
  memcpy(window->grams + window->grams_used, rare, (size_t)found * sizeof *rare);
  window->grams_used += found;
  if (post(window, (int32_t)place, rare, found, link)) return NO_MEMORY;
  return window->entries >= 2 * window->capacity ? shrink(window) : DONE;
}

static double least_shared(int one, int other) {
  int fewer = one < other ? one : other;
  double share = LEAST_SHARED * fewer;
  int two = fewer < 2 ? fewer : 2;
  return share > two ? share : two;
}

/* What the grams that are asked for weigh that the entry has too; 0 for too few of them. */
static int64_t shared(const Window *window, int32_t place, const int64_t *weight, int count) {
  int64_t begin = window->entry[place].grams, end = grams_end(window, place), sum = 0;
  int both = 0;
  for (int64_t at = begin; at < end; at++) {
    int asked = window->asked[window->grams[at]];
    if (!asked) continue;
    sum += weight[asked - 1];
    both++;
  }
  return both < least_shared((int)(end - begin), count) ? 0 : sum;
}

/* The places met so far in a look-up, how often is a matter of who asks. */
typedef struct {
  int32_t slots[SLOTS];
  uint8_t told[SLOTS];
} Met;

/* The slot of a place; `*fresh` where it was not met before. */
static int slot_of(Met *met, int32_t place, int *fresh) {
  int slot = (int)(((uint32_t)place * 2654435761u) >> 22);
  while (met->slots[slot] != place && met->slots[slot] != -1) slot = (slot + 1) % SLOTS;
  *fresh = met->slots[slot] == -1;
  if (*fresh) {
    met->slots[slot] = place;
    met->told[slot] = 0;
  }
  return slot;
}

/* Puts the entries into `places` that can share what weighs `limit`; returns how many. */
static int sharing(const Window *window, const uint32_t *rare, const int64_t *weight, int probes,
                   int64_t limit, int32_t *places) {
  Met met;
  memset(met.slots, 0xff, sizeof met.slots);
  int64_t rest = 0, heaviest = probes ? weight[0] : 0;
  for (int at = 0; at < probes; at++) {
    rest += weight[at];
    if (weight[at] > heaviest) heaviest = weight[at];
  }
  int found = 0, asked = 0;
  for (; asked < probes && rest >= limit - heaviest; asked++) rest -= weight[asked];
  for (int at = 0; at < probes; at++) {
    int alone = weight[at] >= limit;
    if (at >= asked && !alone) continue;
    const int32_t *numbers;
    int count = rings_of(&window->having, rare[at], &numbers);
    for (int each = 0; each < count; each++) {
      int fresh, slot = slot_of(&met, numbers[each], &fresh);
      /* One that a probe brings which is asked for no more counts only if that is enough. */
      if (met.told[slot] || (fresh && !alone)) continue;
      met.told[slot] = 1;
      places[found++] = numbers[each];
    }
  }
  return found;
}

/* Keeps the NEAREST best of those found, each once: the heaviest, else the newest, first. */
static int keep(Found *best, int count, Found one) {
  for (int at = 0; at < count; at++)
    if (best[at].place == one.place) return count;
  int at = count < NEAREST ? count++ : NEAREST;
  for (; at; at--) {
    Found *before = best + at - 1;
    if (before->weight > one.weight ||
        (before->weight == one.weight && before->place > one.place))
      break;
    if (at < NEAREST) best[at] = *before;
  }
  if (at < NEAREST) best[at] = one;
  return count;
}

int window_near(const Window *window, const uint32_t *grams, int64_t count, int64_t since,
                int32_t link, int64_t *ids) {
  uint32_t rare[MOST_GRAMS];
  int64_t weight[MOST_GRAMS], probed = 0;
  int32_t places[MET];
  Found best[NEAREST];
  int known = rarest(window, grams, count, rare), kept = 0;
  if (known < 0 || link >= BUCKETS) return NO_GRAM;
  double total = log((double)(window->entries > LEAST ? window->entries : LEAST));
  for (int at = 0; at < known; at++) {
    weight[at] = (int64_t)(FINENESS * (total - log((double)window->seen[rare[at]] + 1)));
    if (at < PROBES) probed += weight[at];
  }
  double crowd = log((double)(window->entries > 1 ? window->entries : 1) / CROWDED);
  double chance = FINENESS * (total + 2 * (crowd > 0 ? crowd : 0)), most = MOST * (double)probed;
  int64_t limit = (int64_t)(chance < most ? chance : most);
  if (link >= 0) {
    const int32_t *numbers;
    int linked = rings_of(&window->linked, (uint32_t)link, &numbers);
    for (int at = 0; at < linked; at++)
      if (window->entry[numbers[at]].at >= since)
        kept = keep(best, kept, (Found){INT64_MAX, numbers[at]});
  }
  for (int at = 0; at < known; at++) window->asked[rare[at]] = (uint8_t)(at + 1);
  int probes = known < PROBES ? known : PROBES;
  int found = sharing(window, rare, weight, probes, limit, places);
  for (int at = 0; at < found; at++) {
    int64_t both = shared(window, places[at], weight, known);
    if (both >= limit && window->entry[places[at]].at >= since)
      kept = keep(best, kept, (Found){both, places[at]});
  }
  for (int at = 0; at < known; at++) window->asked[rare[at]] = 0;
  for (int at = 0; at < kept; at++) ids[at] = window->entry[best[at].place].id;
  return kept;
}
