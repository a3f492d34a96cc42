/* zlib as a reactor. What it unpacks comes from a function that may suspend. */
#define HOST_IMPL
#include "host.h"
#include <string.h>
#include "zlib.h"

enum { PLAIN = 1 << 20, CHUNK = 32 };
static unsigned char plain[PLAIN], packed[PLAIN + PLAIN / 8], unpacked[PLAIN];
static unsigned char window[1 << 15];

/* Words in an order that has no pattern, so that it packs like text. */
static void fill(void) {
  static const char *const words[] = {"fiber ", "the ", "stack ", "of ", "a ", "call ", "and ", "unwinds\n", "frame ", "to ", "state, ", "resumes ", "is ", "slot ", "where ", "import "};
  if (plain[0]) return;
  unsigned x = 42;
  for (unsigned at = 0; at < PLAIN;) {
    x = x * 1103515245 + 12345;
    const char *word = words[x >> 28];
    while (*word && at < PLAIN) plain[at++] = (unsigned char)*word++;
    if (x >> 20 & 1 && at < PLAIN) plain[at++] = 'a' + (x >> 8 & 15);
  }
}

static void check(int code) { if (code != Z_OK && code != Z_STREAM_END) __builtin_trap(); }

/* Packs n bytes without a header, and returns how many they are then. */
static int pack(int n, int level) {
  fill();
  z_stream z = {.next_in = plain, .avail_in = (unsigned)n, .next_out = packed, .avail_out = sizeof packed};
  check(deflateInit2(&z, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY));
  check(deflate(&z, Z_FINISH));
  check(deflateEnd(&z));
  return (int)z.total_out;
}

typedef struct { unsigned left, written; unsigned char *next; int waits, answers; } source;

/* The next piece of the input; a piece of none is its end. */
static unsigned more(void *context, z_const unsigned char **piece) {
  source *s = context;
  unsigned n = s->left < CHUNK ? s->left : CHUNK;
  if (s->waits && n) s->answers += host_yield((int)s->written);
  *piece = s->next;
  s->next += n, s->left -= n;
  return n;
}
static int take(void *context, unsigned char *piece, unsigned n) {
  source *s = context;
  memcpy(unpacked + s->written, piece, n);
  s->written += n;
  return 0;
}
static void unpack(source *s) {
  z_stream z = {0};
  check(inflateBackInit(&z, 15, window));
  int code = inflateBack(&z, more, s, take, s);
  check(code == Z_BUF_ERROR ? Z_OK : code); /* the input may be cut short */
  check(inflateBackEnd(&z));
}

EXPORT(k_zlib_pack) int k_zlib_pack(int n) { return pack(n, 6); }
EXPORT(k_zlib_pack_fast) int k_zlib_pack_fast(int n) { return pack(n, 1); }
EXPORT(k_zlib_unpack) int k_zlib_unpack(int n) {
  static int of, size;
  if (of != n) size = pack(n, 6), of = n;
  int sum = 0;
  for (int i = 0; i < 4; i++) {
    source s = {.left = (unsigned)size, .next = packed};
    unpack(&s);
    sum += (int)adler32(1, unpacked, s.written);
  }
  return sum;
}
EXPORT(k_zlib_sums) int k_zlib_sums(int times) {
  unsigned sum = 0;
  fill();
  for (int i = 0; i < times; i++) sum += (unsigned)crc32(sum, plain, 1 << 14) ^ (unsigned)adler32(1, plain, 1 << 14);
  return (int)sum;
}

/* Unpacks so many pieces, and waits for each of them. */
EXPORT(sw_zlib) int sw_zlib(int pieces) {
  static unsigned size;
  if (!size) size = (unsigned)pack(1 << 16, 6);
  int sum = 0;
  while (pieces > 0) {
    source s = {.left = size, .next = packed, .waits = 1};
    if ((unsigned)pieces * CHUNK < size) s.left = (unsigned)pieces * CHUNK;
    pieces -= (int)((s.left + CHUNK - 1) / CHUNK);
    unpack(&s);
    sum += s.answers + (int)adler32(1, unpacked, s.written);
  }
  return sum;
}
