/* One fiber walks a tree and yields each leaf: every yield leaves a recursion as deep
 * as the tree, which has moved on a little since the one before. */
#include "shape.h"

struct node { struct node *left, *right; int leaf; };

static struct node *grow(int height, int *number) {
  struct node *t = malloc(sizeof *t);
  *t = (struct node){NULL, NULL, 0};
  if (height == 0) t->leaf = ++*number;
  else t->left = grow(height - 1, number), t->right = grow(height - 1, number);
  return t;
}

static void fell(struct node *t) {
  if (t->left) fell(t->left), fell(t->right);
  free(t);
}

static void walk(struct node *t) {
  if (t->left) walk(t->left), walk(t->right);
  else fiber_yield(PTR(t->leaf));
}

static void *leaves(void *tree) {
  walk(tree);
  return NULL;
}

SHAPE(treesum)(int height) {
  int number = 0;
  struct node *tree = grow(height, &number);
  fiber_t f = fiber_sized_alloc(16 * 1024, leaves);
  unsigned sum = 0;
  for (int n; (n = INT(resume(f, tree))) != 0;) {
    sum += n;
    if (n == 1) look_at(f);
  }
  fiber_free(f);
  fell(tree);
  return sum;
}
