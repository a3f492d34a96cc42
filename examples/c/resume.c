/* Generators over trees: a fiber walks a tree by plain recursion and yields a leaf at a
 * time to who has resumed it. Two of them compare trees of different shapes leaf by leaf,
 * without a list of either, and stop at the first difference.
 *
 *   watfiber run examples/c/resume.wasm
 */
#include <fiber.h>
#include <stdio.h>
#include <stdlib.h>

struct node { struct node *left, *right; int leaf; };

static struct node *leaf(int n) {
  struct node *t = calloc(1, sizeof *t);
  t->leaf = n;
  return t;
}

static struct node *join(struct node *left, struct node *right) {
  struct node *t = calloc(1, sizeof *t);
  t->left = left, t->right = right;
  return t;
}

static void walk(struct node *t) {
  if (t->left == NULL) {
    fiber_yield(&t->leaf);
    return;
  }
  walk(t->left), walk(t->right);
}

static void *leaves(void *tree) {
  walk(tree);
  return NULL;
}

static int same_leaves(struct node *s, struct node *t) {
  fiber_t a = fiber_alloc(leaves), b = fiber_alloc(leaves);
  int *p, *q;
  do {
    p = fiber_resume(a, s, NULL), q = fiber_resume(b, t, NULL);
  } while (p != NULL && q != NULL && *p == *q);
  fiber_free(a), fiber_free(b); /* perhaps in the middle of their walks */
  return p == q;
}

int main(void) {
  struct node *lean = leaf(1), *right = leaf(6);
  for (int i = 2; i <= 6; i++) lean = join(lean, leaf(i));
  for (int i = 5; i >= 1; i--) right = join(leaf(i), right);
  printf("same leaves: %s\n", same_leaves(lean, right) ? "yes" : "no");
  printf("one more: %s\n", same_leaves(join(lean, leaf(7)), join(right, leaf(8))) ? "yes" : "no");
  return 0;
}
