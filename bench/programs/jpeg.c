/* libjpeg-turbo as a reactor. The picture that it unpacks comes from a function that may
 * suspend, below rows of functions that are all called through tables. */
#define HOST_IMPL
#include "host.h"
#include <stdio.h>
#include <string.h>
#include "jpeglib.h"
#include "jerror.h"

enum { WIDTH = 512, HEIGHT = 512, CHUNK = 16 };
static unsigned char picture[HEIGHT][WIDTH][3], row[WIDTH][3];
static unsigned char packed[1 << 20];

/* Slopes, edges and a little noise. */
static void paint(void) {
  static int painted;
  unsigned noise = 42;
  if (painted) return;
  painted = 1;
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++) {
      noise = noise * 1103515245 + 12345;
      int disc = (x - 256) * (x - 256) + (y - 200) * (y - 200) < 150 * 150;
      picture[y][x][0] = (unsigned char)((disc ? 200 - y / 4 : x / 2) + (noise >> 28));
      picture[y][x][1] = (unsigned char)((disc ? x / 3 : 128 + (x ^ y) / 8) + (noise >> 27 & 7));
      picture[y][x][2] = (unsigned char)(x * y / 1024);
    }
}

/* Packs so many rows, and returns the number of bytes. */
static int pack(int rows, int progressive) {
  struct jpeg_compress_struct c;
  struct jpeg_error_mgr errors;
  unsigned char *out = packed;
  unsigned long size = sizeof packed;
  paint();
  c.err = jpeg_std_error(&errors);
  jpeg_create_compress(&c);
  jpeg_mem_dest(&c, &out, &size);
  c.image_width = WIDTH, c.image_height = (unsigned)rows;
  c.input_components = 3, c.in_color_space = JCS_RGB;
  jpeg_set_defaults(&c);
  jpeg_set_quality(&c, 85, TRUE);
  if (progressive) jpeg_simple_progression(&c);
  jpeg_start_compress(&c, TRUE);
  while (c.next_scanline < c.image_height) {
    JSAMPROW line = picture[c.next_scanline][0];
    jpeg_write_scanlines(&c, &line, 1);
  }
  jpeg_finish_compress(&c);
  jpeg_destroy_compress(&c);
  if (out != packed) __builtin_trap(); /* there was not enough room */
  return (int)size;
}

/* A source of pieces; the last may be the last of a picture that is cut short. */
typedef struct {
  struct jpeg_source_mgr methods;
  unsigned left, at;
  int waits, answers;
} source;

static void begin(j_decompress_ptr d) { (void)d; }
static boolean more(j_decompress_ptr d) {
  source *s = (source *)d->src;
  static const unsigned char end[] = {0xff, JPEG_EOI};
  unsigned n = s->left < CHUNK ? s->left : CHUNK;
  if (n == 0) {
    s->methods.next_input_byte = end, s->methods.bytes_in_buffer = sizeof end;
    return TRUE;
  }
  if (s->waits) s->answers += host_yield((int)s->at);
  s->methods.next_input_byte = packed + s->at, s->methods.bytes_in_buffer = n;
  s->at += n, s->left -= n;
  return TRUE;
}
static void skip(j_decompress_ptr d, long n) {
  source *s = (source *)d->src;
  for (; n > (long)s->methods.bytes_in_buffer; more(d)) n -= (long)s->methods.bytes_in_buffer;
  s->methods.next_input_byte += n, s->methods.bytes_in_buffer -= (size_t)n;
}
static void quiet(j_common_ptr c) { (void)c; }

/* Unpacks, and returns a sum of the picture. */
static int unpack(source *s, unsigned scale, J_DCT_METHOD method) {
  struct jpeg_decompress_struct d;
  struct jpeg_error_mgr errors;
  unsigned sum = 0;
  d.err = jpeg_std_error(&errors);
  errors.output_message = quiet;
  jpeg_create_decompress(&d);
  s->methods = (struct jpeg_source_mgr){.init_source = begin, .fill_input_buffer = more, .skip_input_data = skip, .resync_to_restart = jpeg_resync_to_restart, .term_source = begin};
  d.src = &s->methods;
  jpeg_read_header(&d, TRUE);
  d.scale_num = 1, d.scale_denom = scale, d.dct_method = method;
  jpeg_start_decompress(&d);
  while (d.output_scanline < d.output_height) {
    JSAMPROW line = row[0];
    jpeg_read_scanlines(&d, &line, 1);
    for (unsigned i = 0; i < d.output_width * 3; i += 7) sum = sum * 31 + line[i];
  }
  jpeg_finish_decompress(&d);
  jpeg_destroy_decompress(&d);
  return (int)sum;
}

/* Packs the picture if it was packed in another way before. */
static unsigned ready(int rows, int progressive) {
  static int of, how, size;
  if (of != rows || how != progressive) size = pack(of = rows, how = progressive);
  return (unsigned)size;
}

static int repeat(int times, int rows, int progressive, unsigned scale, J_DCT_METHOD method) {
  int sum = 0;
  while (times-- > 0) sum += unpack(&(source){.left = ready(rows, progressive)}, scale, method);
  return sum;
}

EXPORT(k_jpeg_pack) int k_jpeg_pack(int rows) { return pack(rows, 0); }
EXPORT(k_jpeg_pack_progressive) int k_jpeg_pack_progressive(int rows) { return pack(rows, 1); }
EXPORT(k_jpeg_unpack) int k_jpeg_unpack(int rows) { return repeat(4, rows, 0, 1, JDCT_ISLOW); }
EXPORT(k_jpeg_unpack_half) int k_jpeg_unpack_half(int rows) { return repeat(8, rows, 0, 2, JDCT_IFAST); }
EXPORT(k_jpeg_unpack_progressive) int k_jpeg_unpack_progressive(int rows) { return repeat(2, rows, 1, 1, JDCT_ISLOW); }

/* Unpacks so many pieces, and waits for each of them. */
EXPORT(sw_jpeg) int sw_jpeg(int pieces) {
  int sum = 0;
  unsigned size = ready(64, 0);
  while (pieces > 0) {
    source s = {.left = size, .waits = 1};
    if ((unsigned)pieces * CHUNK < size) s.left = (unsigned)pieces * CHUNK;
    pieces -= (int)((s.left + CHUNK - 1) / CHUNK);
    sum += unpack(&s, 1, JDCT_IFAST) + s.answers;
  }
  return sum;
}
