/* A generator by recursion. The program walks a search tree in order and hands
 * each key to the host with the import env.yield. The host may suspend it there,
 * in the middle of the recursion, and resume it whenever it wants the next key:
 *
 *   watfiber run --suspend=env.yield --stats examples/c/generator.wasm 10
 *
 * Nothing in here knows that it is suspended. */
#include <stdio.h>
#include <stdlib.h>

#ifdef __wasm__
__attribute__((import_module("env"), import_name("yield")))
int host_yield(int key); /* not 0: no more keys, please */
#else
static int host_yield(int key) { (void)key; return 0; }
#endif

struct node {
  int key;
  struct node *left, *right;
};

static struct node *insert(struct node *n, int key) {
  if (n == NULL) {
    n = calloc(1, sizeof *n);
    if (n == NULL) abort();
    n->key = key;
  } else if (key < n->key) {
    n->left = insert(n->left, key);
  } else {
    n->right = insert(n->right, key);
  }
  return n;
}

struct summary { int keys, sum, deepest; };

/* Prints the keys below n, each as far to the right as it is deep in the tree.
 * Returns whether to go on. */
static int walk(const struct node *n, int depth, struct summary *s) {
  if (n == NULL) return 1;
  if (!walk(n->left, depth + 1, s)) return 0;
  printf("%*s%d\n", 4 * depth, "", n->key);
  s->keys++;
  s->sum += n->key;
  if (depth > s->deepest) s->deepest = depth;
  if (host_yield(n->key) != 0) return 0;
  return walk(n->right, depth + 1, s);
}

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 10;
  struct node *root = NULL;
  for (int i = 0; i < count; i++) root = insert(root, (50 + 37 * i) % 100);
  struct summary s = {0, 0, 0};
  walk(root, 0, &s);
  printf("%d keys, sum %d, %d deep\n", s.keys, s.sum, s.deepest);
  return 0;
}
