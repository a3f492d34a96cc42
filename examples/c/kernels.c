/* Compute kernels with a blocking import reachable from the hot code. */
#define HOST_IMPL
#include "host.h"
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <math.h>

/* ---- switch cost: `depth` frames, each suspended `rounds` times ---- */
__attribute__((noinline)) static int deep(int d, int rounds, int a, int b) {
  if (d <= 1) { int s = 0; for (int i = 0; i < rounds; i++) s += host_yield(i); return s + a; }
  int r = deep(d - 1, rounds, a + d, b ^ d);
  return ((r ^ a) * 3) ^ b; /* not an accumulator: must stay recursive */
}
EXPORT(sw) int sw(int depth, int rounds) { return deep(depth, rounds, 1, 2); }
/* fat frames: many live locals of several types */
__attribute__((noinline)) static double deepfat(int d, int rounds, double x, int64_t k) {
  if (d <= 1) { double s = 0; for (int i = 0; i < rounds; i++) s += host_yield(i); return s + x; }
  double a = x * 1.5, b = x + d, c = x - d, e = a * b; int64_t p = k * 3, q = k ^ d, r = k + d;
  double t = deepfat(d - 1, rounds, e, p ^ q);
  return t + a + b * c + (double)(p + q * r);
}
EXPORT(swfat) int swfat(int depth, int rounds) { return (int)(deepfat(depth, rounds, 0.25, 3) != 0.0); }

/* ---- recursion ---- */
__attribute__((noinline)) static int fib(int n) { if (n < 2) { tick(); return n; } return fib(n - 1) + fib(n - 2); }
EXPORT(k_fib) int k_fib(int n) { return fib(n); }
__attribute__((noinline)) static int tak(int x, int y, int z) {
  if (y >= x) { tick(); return z; }
  return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y));
}
EXPORT(k_tak) int k_tak(int n) { int s = 0; for (int i = 0; i < n; i++) s += tak(18, 12, 6); return s; }
static int queens(int n, int row, unsigned cols, unsigned d1, unsigned d2) {
  if (row == n) { tick(); return 1; }
  int cnt = 0; unsigned avail = ~(cols | d1 | d2) & ((1u << n) - 1);
  while (avail) { unsigned b = avail & -avail; avail ^= b; cnt += queens(n, row + 1, cols | b, (d1 | b) << 1, (d2 | b) >> 1); }
  return cnt;
}
EXPORT(k_queens) int k_queens(int n) { return queens(n, 0, 0, 0, 0); }

/* ---- floating point loops: yield once per outer iteration ---- */
typedef struct { double x, y, z, vx, vy, vz, m; } Body;
static void advance(Body *b, int n, double dt) {
  for (int i = 0; i < n; i++) for (int j = i + 1; j < n; j++) {
    double dx = b[i].x - b[j].x, dy = b[i].y - b[j].y, dz = b[i].z - b[j].z;
    double d2 = dx * dx + dy * dy + dz * dz, mag = dt / (d2 * sqrt(d2));
    b[i].vx -= dx * b[j].m * mag; b[i].vy -= dy * b[j].m * mag; b[i].vz -= dz * b[j].m * mag;
    b[j].vx += dx * b[i].m * mag; b[j].vy += dy * b[i].m * mag; b[j].vz += dz * b[i].m * mag;
  }
  for (int i = 0; i < n; i++) { b[i].x += dt * b[i].vx; b[i].y += dt * b[i].vy; b[i].z += dt * b[i].vz; }
}
EXPORT(k_nbody) int k_nbody(int n) {
  Body b[5] = {{0,0,0,0,0,0,39.47},{4.84,-1.16,-.10,.606,2.81,-.02,.037},{8.34,4.12,-.4,-1.01,1.82,.008,.011},{12.89,-15.11,-.22,1.08,.868,-.01,.0017},{15.37,-25.9,.179,.979,.594,-.034,.002}};
  for (int i = 0; i < n; i++) { advance(b, 5, 0.01); tick(); }
  return (int)(b[0].x * 1e6);
}
EXPORT(k_mandel) int k_mandel(int n) {
  int tot = 0;
  for (int py = 0; py < n; py++) {
    for (int px = 0; px < n; px++) {
      double cx = 3.0 * px / n - 2, cy = 2.0 * py / n - 1, x = 0, y = 0; int it = 0;
      while (x * x + y * y < 4 && it < 200) { double t = x * x - y * y + cx; y = 2 * x * y + cy; x = t; it++; }
      tot += it;
    }
    tick();
  }
  return tot;
}
EXPORT(k_matmul) int k_matmul(int n) {
  double *a = malloc(n * n * 8), *b = malloc(n * n * 8), *c = calloc(n * n, 8);
  for (int i = 0; i < n * n; i++) { a[i] = i % 7; b[i] = i % 11; }
  for (int i = 0; i < n; i++) { for (int k = 0; k < n; k++) { double v = a[i * n + k]; for (int j = 0; j < n; j++) c[i * n + j] += v * b[k * n + j]; } tick(); }
  double s = 0; for (int i = 0; i < n * n; i++) s += c[i];
  free(a); free(b); free(c); return (int)fmod(s, 1e9);
}

/* ---- indirect calls: qsort with a comparator that may block ---- */
static int cmp_int(const void *a, const void *b) { tick(); int x = *(const int *)a, y = *(const int *)b; return (x > y) - (x < y); }
EXPORT(k_qsort) int k_qsort(int n) {
  int *v = malloc(n * 4); unsigned s = 12345; for (int i = 0; i < n; i++) { s = s * 1664525u + 1013904223u; v[i] = s >> 1; }
  qsort(v, n, 4, cmp_int); int r = v[0] ^ v[n / 2] ^ v[n - 1]; free(v); return r;
}
/* ---- allocation and pointer chasing ---- */
typedef struct T { struct T *l, *r; } T;
static T *mk(int d) { T *t = malloc(sizeof *t); tick(); if (d) { t->l = mk(d - 1); t->r = mk(d - 1); } else t->l = t->r = 0; return t; }
static int cnt(T *t) { return t->l ? 1 + cnt(t->l) + cnt(t->r) : 1; }
static void del(T *t) { if (t->l) { del(t->l); del(t->r); } free(t); }
EXPORT(k_trees) int k_trees(int d) { int s = 0; for (int i = 0; i < 8; i++) { T *t = mk(d); s += cnt(t); del(t); } return s; }

/* ---- JSON: recursive descent with a blocking refill ---- */
static char *jb; static int jp, jend; static long jsum; static int jdepth;
static int jpeek(void) { if (jp >= jend) { host_yield(2); return 0; } return jb[jp]; }
static void jws(void) { while (jpeek() == ' ' || jpeek() == '\n') jp++; }
static void jval(void) {
  jws(); int c = jpeek();
  if (c == '{') { jp++; jdepth++; for (;;) { jws(); if (jpeek() == '}') { jp++; break; } jval(); jws(); jp++; jval(); jws(); if (jpeek() == ',') jp++; } jdepth--; }
  else if (c == '[') { jp++; jdepth++; for (;;) { jws(); if (jpeek() == ']') { jp++; break; } jval(); jws(); if (jpeek() == ',') jp++; } jdepth--; }
  else if (c == '"') { jp++; unsigned h = 5381; while ((c = jpeek()) != '"') { if (c == '\\') jp++; h = h * 33 + c; jp++; } jp++; jsum += h & 255; }
  else if (c == '-' || (c >= '0' && c <= '9')) { double v = 0; int neg = c == '-'; if (neg) jp++; while ((c = jpeek()) >= '0' && c <= '9') { v = v * 10 + (c - '0'); jp++; } if (c == '.') { double f = .1; jp++; while ((c = jpeek()) >= '0' && c <= '9') { v += f * (c - '0'); f *= .1; jp++; } } jsum += (long)(neg ? -v : v); }
  else { while ((c = jpeek()) >= 'a' && c <= 'z') jp++; jsum++; }
}
EXPORT(k_json) int k_json(int n) {
  jb = malloc(n * 96 + 16); char *p = jb; *p++ = '[';
  for (int i = 0; i < n; i++) p += sprintf(p, "%s{\"id\":%d,\"name\":\"item %d\",\"tags\":[\"a\",\"b%d\"],\"w\":%d.%d,\"ok\":true}", i ? "," : "", i, i, i % 9, i % 77, i % 10);
  *p++ = ']'; jend = p - jb; jsum = 0;
  for (int r = 0; r < 20; r++) { jp = 0; jval(); }
  free(jb); return (int)jsum;
}
/* ---- string hash table ---- */
EXPORT(k_hash) int k_hash(int n) {
  int cap = 1 << 16; uint32_t *keys = calloc(cap, 4), *vals = calloc(cap, 4); char buf[32];
  for (int i = 0; i < n; i++) {
    unsigned x = (unsigned)i * 2654435761u % 40000u; int l = 0; do { buf[l++] = 'a' + x % 26; x /= 26; } while (x);
    uint32_t h = 2166136261u; for (int k = 0; k < l; k++) h = (h ^ (unsigned char)buf[k]) * 16777619u; if (!h) h = 1;
    int s = h & (cap - 1); while (keys[s] && keys[s] != h) s = (s + 1) & (cap - 1);
    keys[s] = h; vals[s]++; tick();
  }
  uint32_t r = 0; for (int i = 0; i < cap; i++) r = r * 31 + vals[i]; free(keys); free(vals); return r;
}
/* ---- bytecode interpreter: one big switch, recursion, a blocking opcode ---- */
enum { PUSH, ADD, SUB, MUL, LT, JZ, JMP, LOAD, STORE, CALL, RET, SYS, DUP, DROP, AND, XOR, SHL, SHR, NOPX, HALT };
static const int prog_fib[] = { /* f(n): n<2 ? n : f(n-1)+f(n-2) */
  LOAD,0, PUSH,2, LT, JZ,10, LOAD,0, RET, LOAD,0, PUSH,1, SUB, CALL,0, LOAD,0, PUSH,2, SUB, CALL,0, ADD, RET };
static const int prog_loop[] = { /* local1 = acc; while (local0) { acc = (acc*3) ^ local0; local0 = local0 - 1 } */
  LOAD,0, JZ,23, LOAD,1, PUSH,3, MUL, LOAD,0, XOR, STORE,1, LOAD,0, PUSH,1, SUB, STORE,0, JMP,0, LOAD,1, RET };
static int interp(const int *code, int arg, int depth) {
  int st[32], sp = 0, loc[4] = {arg, 1, 0, 0}, pc = 0;
  for (;;) switch (code[pc++]) {
    case PUSH: st[sp++] = code[pc++]; break;
    case ADD: sp--; st[sp - 1] += st[sp]; break;
    case SUB: sp--; st[sp - 1] -= st[sp]; break;
    case MUL: sp--; st[sp - 1] *= st[sp]; break;
    case LT: sp--; st[sp - 1] = st[sp - 1] < st[sp]; break;
    case JZ: if (!st[--sp]) pc = code[pc]; else pc++; break;
    case JMP: pc = code[pc]; break;
    case LOAD: st[sp++] = loc[code[pc++]]; break;
    case STORE: loc[code[pc++]] = st[--sp]; break;
    case CALL: { int t = code[pc++]; st[sp - 1] = interp(code + t, st[sp - 1], depth + 1); break; }
    case RET: return st[--sp];
    case SYS: st[sp++] = host_yield(code[pc++]); break;
    case DUP: st[sp] = st[sp - 1]; sp++; break;
    case DROP: sp--; break;
    case AND: sp--; st[sp - 1] &= st[sp]; break;
    case XOR: sp--; st[sp - 1] ^= st[sp]; break;
    case SHL: sp--; st[sp - 1] <<= st[sp]; break;
    case SHR: sp--; st[sp - 1] >>= st[sp]; break;
    case NOPX: break;
    default: return -1;
  }
}
EXPORT(k_interp_call) int k_interp_call(int n) { return interp(prog_fib, n, 0); }
EXPORT(k_interp_loop) int k_interp_loop(int n) { return interp(prog_loop, n, 0); }
/* ---- printf-style formatting through libc varargs (no blocking call on the path) ---- */
EXPORT(k_format) int k_format(int n) { char b[64]; unsigned h = 0; for (int i = 0; i < n; i++) { int l = snprintf(b, 64, "%d:%s:%08x:%.3f", i, "abc", i * 77, i * .5); for (int k = 0; k < l; k++) h = h * 33 + b[k]; } tick(); return h; }

#ifndef __wasm__
/* The native build prints what every export is to return: kernels.expected. */
int main(void) {
#define PRINT1(name, n) printf("%s %d = %d\n", #name, n, name(n))
#define PRINT2(name, n, m) printf("%s %d %d = %d\n", #name, n, m, name(n, m))
  PRINT2(sw, 10, 3); PRINT2(sw, 100, 2); PRINT2(swfat, 10, 3);
  PRINT1(k_fib, 20); PRINT1(k_tak, 1); PRINT1(k_queens, 7); PRINT1(k_nbody, 1000); PRINT1(k_mandel, 32); PRINT1(k_matmul, 40); PRINT1(k_qsort, 1000);
  PRINT1(k_trees, 8); PRINT1(k_json, 20); PRINT1(k_hash, 1000); PRINT1(k_interp_call, 12); PRINT1(k_interp_loop, 1000); PRINT1(k_format, 100);
}
#endif
